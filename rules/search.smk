rule build_knowledge_base:
    """Index the labelled spectra of the training side for one task and encoder."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        embeddings=expand("results/encoder/{{encoder}}/embedding/{shard}.parquet", shard=SHARDS),
    output:
        index="results/search/{task}/knowledge_base/{encoder}/index.faiss",
        metadata="results/search/{task}/knowledge_base/{encoder}/metadata.parquet",
        config="results/search/{task}/knowledge_base/{encoder}/config.json",
    log:
        "logs/search/build_knowledge_base/{task}/{encoder}.log",
    benchmark:
        "benchmarks/search/build_knowledge_base/{task}/{encoder}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code("build_knowledge_base"),
    script:
        "../workflow_scripts/build_knowledge_base.py"


rule vote_task:
    """Label the test spectra of one task by the weighted vote of their nearest neighbours."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        bases=expand(
            "results/search/{{task}}/knowledge_base/{encoder}/index.faiss",
            encoder=METHODS,
        ),
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=METHODS,
            shard=SHARDS,
        ),
    output:
        "results/search/{task}/votes.parquet",
    log:
        "logs/search/vote_task/{task}.log",
    benchmark:
        "benchmarks/search/vote_task/{task}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code("vote_task"),
        task=lambda wildcards: TASKS.get(wildcards.task, {}),
        methods=METHODS,
        embeddings={
            m: expand(
                "results/encoder/{encoder}/embedding/{shard}.parquet",
                encoder=m,
                shard=SHARDS,
            )
            for m in METHODS
        },
        settings={key: config["search"][key] for key in VOTE_KEYS},
    script:
        "../workflow_scripts/vote_task.py"


rule score_tasks:
    """Score the search for each target, beside the published values: table 4."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        manifest="results/catalogs/manifest.parquet",
    output:
        "results/table4.csv",
    log:
        "logs/search/score_tasks.log",
    benchmark:
        "benchmarks/search/score_tasks.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("score_tasks"),
        tasks=list(TASKS),
        notes={method: config["encoders"][method].get("note") for method in METHODS},
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_tasks.py"


rule score_classes:
    """Score all labels of the survey in one vote."""
    input:
        votes="results/search/classes/votes.parquet",
        manifest="results/catalogs/manifest.parquet",
    output:
        "results/classes.csv",
    log:
        "logs/search/score_classes.log",
    benchmark:
        "benchmarks/search/score_classes.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("score_classes"),
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_classes.py"
