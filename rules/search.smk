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
    params:
        code=code("build_knowledge_base"),
    log:
        "logs/search/build_knowledge_base/{task}/{encoder}.log",
    benchmark:
        "benchmarks/search/build_knowledge_base/{task}/{encoder}.tsv"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    conda:
        "../envs/galspec.yaml"
    script:
        "../workflow_scripts/build_knowledge_base.py"


rule vote_task:
    """Label the test spectra of one task by the weighted vote of their nearest neighbours."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        bases=expand("results/search/{{task}}/knowledge_base/{encoder}/index.faiss", encoder=METHODS),
        embeddings=expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=METHODS, shard=SHARDS),
    output:
        "results/search/{task}/votes.parquet",
    params:
        code=code("vote_task"),
        task=lambda wildcards: TASKS.get(wildcards.task, {}),
        methods=METHODS,
        embeddings={m: expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=m, shard=SHARDS) for m in METHODS},
        settings={key: config["search"][key] for key in VOTE_KEYS},
    log:
        "logs/search/vote_task/{task}.log",
    benchmark:
        "benchmarks/search/vote_task/{task}.tsv"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    conda:
        "../envs/galspec.yaml"
    script:
        "../workflow_scripts/vote_task.py"


rule score_tasks:
    """Score the search for each target, beside the published values: table 4."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        manifest="results/catalogs/manifest.parquet",
    output:
        "results/table4.csv",
    params:
        code=code("score_tasks"),
        tasks=list(TASKS),
        notes={method: config["encoders"][method].get("note") for method in METHODS},
        bootstrap=config["search"]["bootstrap"],
    log:
        "logs/search/score_tasks.log",
    benchmark:
        "benchmarks/search/score_tasks.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    conda:
        "../envs/galspec.yaml"
    script:
        "../workflow_scripts/score_tasks.py"


rule score_classes:
    """Score all labels of the survey in one vote."""
    input:
        votes="results/search/classes/votes.parquet",
        manifest="results/catalogs/manifest.parquet",
    output:
        "results/classes.csv",
    params:
        code=code("score_classes"),
        bootstrap=config["search"]["bootstrap"],
    log:
        "logs/search/score_classes.log",
    benchmark:
        "benchmarks/search/score_classes.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    conda:
        "../envs/galspec.yaml"
    script:
        "../workflow_scripts/score_classes.py"
