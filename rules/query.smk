if config["mock"]:

    rule simulate_query:
        """Simulate the spectra that are only asked about, as a SAS tree of their own."""
        output:
            manifest="results/catalogs/query.parquet",
            shards=expand("results/catalogs/shards/{shard}.csv", shard=QUERY_SHARDS),
            truth="data/mock/query/truth.csv",
        log:
            "logs/catalogs/simulate_query.log",
        benchmark:
            "benchmarks/catalogs/simulate_query.tsv"
        conda:
            "../envs/galspec.yaml"
        threads: 2
        resources:
            mem_mb=more(3000),
            runtime=more(60),
        params:
            code=code("simulate_query"),
            settings=MOCK,
            n=N_QUERY,
            min_snr=config["catalogs"]["select"]["snr"][0],
        script:
            "../workflow_scripts/simulate_query.py"

else:

    rule draw_query:
        """Draw the spectra of the test side that are only asked about."""
        input:
            selected="results/catalogs/selected.parquet",
            labels="results/catalogs/labels.parquet",
            manifest="results/catalogs/manifest.parquet",
        output:
            manifest="results/catalogs/query.parquet",
            shards=expand("results/catalogs/shards/{shard}.csv", shard=QUERY_SHARDS),
        log:
            "logs/catalogs/draw_query.log",
        benchmark:
            "benchmarks/catalogs/draw_query.tsv"
        conda:
            "../envs/galspec.yaml"
        threads: 1
        resources:
            mem_mb=more(12000),
            runtime=more(60),
        params:
            code=code("draw_query"),
            settings=SAMPLE,
            n=N_QUERY,
        script:
            "../workflow_scripts/draw_query.py"


rule vote_query:
    """Vote on the query spectra for one task."""
    input:
        manifest="results/catalogs/query.parquet",
        bases=expand(
            "results/search/{{task}}/knowledge_base/{encoder}/index.faiss",
            encoder=METHODS,
        ),
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=METHODS,
            shard=[*SHARDS, *QUERY_SHARDS],
        ),
    output:
        "results/search/{task}/query.parquet",
    log:
        "logs/search/vote_query/{task}.log",
    benchmark:
        "benchmarks/search/vote_query/{task}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(8000),
        runtime=more(120),
    params:
        code=code("vote_query"),
        task=lambda wildcards: TASKS.get(wildcards.task, {}),
        methods=METHODS,
        embeddings={
            m: expand(
                "results/encoder/{encoder}/embedding/{shard}.parquet",
                encoder=m,
                shard=[*SHARDS, *QUERY_SHARDS],
            )
            for m in METHODS
        },
        seed=config["search"]["base_rate"]["seed"],
        settings={key: config["search"][key] for key in VOTE_KEYS},
        learnt=config["search"]["learnt"],
    script:
        "../workflow_scripts/vote_query.py"


rule score_base_rate:
    """Score precision at a survey's base rate, from query spectra."""
    input:
        queries=expand("results/search/{task}/query.parquet", task=TASKS),
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        manifest="results/catalogs/manifest.parquet",
        truth=["data/mock/query/truth.csv"] if config["mock"] else [],
    output:
        report("results/base_rate.csv", caption="../report/base_rate.rst", category="Tables"),
    log:
        "logs/search/score_base_rate.log",
    benchmark:
        "benchmarks/search/score_base_rate.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_base_rate"),
        tasks={task: entry["target"] for task, entry in TASKS.items()},
        seed=config["search"]["base_rate"]["seed"],
        settings={key: value for key, value in config["search"]["base_rate"].items() if key != "seed"}
        | {"bootstrap": config["search"]["bootstrap"]},
    script:
        "../workflow_scripts/score_base_rate.py"


rule score_query_ranking:
    """Score how every method ranks the targets above the query spectra, and above those like the targets."""
    input:
        queries=expand("results/search/{task}/query.parquet", task=TASKS),
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        manifest="results/catalogs/manifest.parquet",
        query_manifest="results/catalogs/query.parquet",
        truth=["data/mock/query/truth.csv"] if config["mock"] else [],
    output:
        report(
            "results/query_ranking.csv",
            caption="../report/query_ranking.rst",
            category="Tables",
        ),
    log:
        "logs/search/score_query_ranking.log",
    benchmark:
        "benchmarks/search/score_query_ranking.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("score_query_ranking"),
        tasks={task: entry["target"] for task, entry in TASKS.items()},
        seed=config["search"]["base_rate"]["seed"],
        notes=NOTES,
        bootstrap=config["search"]["ranking"]["bootstrap"],
    script:
        "../workflow_scripts/score_query_ranking.py"
