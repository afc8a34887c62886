rule score_candidates:
    """Score a whole survey for one target and rank it."""
    input:
        base=f"results/search/{{task}}/knowledge_base/{RANKS_BY}/index.faiss",
        embeddings=expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=RANKS_BY, shard=SCORED_SHARDS),
        shards=expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[RANKS_BY], shard=SCORED_SHARDS),
        weights=KNOWS_LINES,
        manifests=SCORED_MANIFESTS,
        labels="results/catalogs/labels.parquet",
        unmatched=lambda wildcards: [f"results/catalogs/unmatched_{wildcards.task}.csv"]
        * (wildcards.task in WITH_TABLE),
    output:
        csv="results/candidates/{task}.csv",
        details="results/search/{task}/candidates.parquet",
    log:
        "logs/search/score_candidates/{task}.log",
    benchmark:
        "benchmarks/search/score_candidates/{task}.tsv"
    wildcard_constraints:
        task=one_of(TASKS),
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(8000),
        runtime=more(240),
    params:
        code=code("score_candidates"),
        task=lambda wildcards: TASKS[wildcards.task],
        method=RANKS_BY,
        choice=CANDIDATES,
        settings={key: config["search"][key] for key in VOTE_KEYS},
        learnt=config["search"]["learnt"],
    script:
        "../workflow_scripts/score_candidates.py"


rule plot_candidates:
    """Make the page on which a person looks through the candidates of one target."""
    input:
        csv="results/candidates/{task}.csv",
        details="results/search/{task}/candidates.parquet",
        base=f"results/search/{{task}}/knowledge_base/{RANKS_BY}/metadata.parquet",
        manifests=SCORED_MANIFESTS,
        shards=expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[RANKS_BY], shard=SCORED_SHARDS),
        weights=KNOWS_LINES,
    output:
        "results/candidates/{task}.html",
    log:
        "logs/figures/plot_candidates/{task}.log",
    benchmark:
        "benchmarks/figures/plot_candidates/{task}.tsv"
    wildcard_constraints:
        task=one_of(TASKS),
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("plot_candidates", *PAGES["vetting"]),
        facts=lambda wildcards: {
            "target": TASKS[wildcards.task]["target"],
            "behind": wildcards.task in CANDIDATES["behind"],
            "method": RANKS_BY,
            "archive": ARCHIVE,
            "window": config["spectra"]["norm_window"],
        },
        grid=config["spectra"]["grids"][GRID_OF[RANKS_BY]],
    script:
        "../workflow_scripts/plot_candidates.py"
