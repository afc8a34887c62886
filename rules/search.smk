rule build_knowledge_base:
    """Index the labelled spectra of the training side for one task and encoder."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        embeddings="results/encoder/{encoder}/embedding/shards.csv",
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
        mem_mb=more(8000),
        runtime=more(60),
    params:
        code=code("build_knowledge_base"),
        index={key: config["search"][key] for key in INDEX_KEYS},
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
        embeddings=expand("results/encoder/{encoder}/embedding/shards.csv", encoder=METHODS),
    output:
        votes="results/search/{task}/votes.parquet",
        learnt=expand(
            "results/search/{{task}}/learnt/{encoder}.safetensors",
            encoder=[m for m in METHODS if m in config["search"]["learnt"]["methods"]],
        ),
    log:
        "logs/search/vote_task/{task}.log",
    benchmark:
        "benchmarks/search/vote_task/{task}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(8000),
        runtime=more(240),
    params:
        code=code("vote_task"),
        task=lambda wildcards: TASKS.get(wildcards.task, {}),
        methods=METHODS,
        settings={key: config["search"][key] for key in VOTE_KEYS},
        learnt=config["search"]["learnt"],
    script:
        "../workflow_scripts/vote_task.py"


rule score_tasks:
    """Score the search for each target, beside the published values: table 4."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_TABLE4),
        histories=list(trainings([*METHODS, *IN_TABLE4], TASKS)),
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/table4.csv", caption="../report/table4.rst", category="Tables"),
    log:
        "logs/search/score_tasks.log",
    benchmark:
        "benchmarks/search/score_tasks.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_tasks"),
        tasks=list(TASKS),
        notes=NOTES,
        trained=list(trainings([*METHODS, *IN_TABLE4], TASKS).values()),
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_tasks.py"


rule score_classes:
    """Score all labels of the survey in one vote."""
    input:
        votes="results/search/classes/votes.parquet",
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_CLASSES),
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/classes.csv", caption="../report/classes.rst", category="Tables"),
    log:
        "logs/search/score_classes.log",
    benchmark:
        "benchmarks/search/score_classes.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_classes"),
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_classes.py"


rule score_reliability:
    """Score how far the probabilities of every method can be believed."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
    output:
        table=report("results/calibration.csv", caption="../report/calibration.rst", category="Tables"),
        curves="results/search/reliability.csv",
    log:
        "logs/search/score_reliability.log",
    benchmark:
        "benchmarks/search/score_reliability.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_reliability"),
        targets={task: entry["target"] for task, entry in TASKS.items()},
    script:
        "../workflow_scripts/score_reliability.py"


rule score_subtypes:
    """Score the recall of outliers by subtype."""
    input:
        votes=f"results/search/{OUTLIERS}/votes.parquet",
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/outlier_subtypes.csv", caption="../report/outlier_subtypes.rst", category="Tables"),
    log:
        "logs/search/score_subtypes.log",
    benchmark:
        "benchmarks/search/score_subtypes.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_subtypes"),
        task=OUTLIERS,
        target=TASKS.get(OUTLIERS, {}).get("target"),
    script:
        "../workflow_scripts/score_subtypes.py"


rule sweep_search:
    """Vote again and again with one setting swept, on the embeddings that are there."""
    input:
        bases=lambda wildcards: [
            f"results/search/{task}/knowledge_base/{method}/index.faiss"
            for task in SWEEP_TASKS[wildcards.sweep]
            for method in METHODS
        ],
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=METHODS,
            shard=SHARDS,
        ),
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
    output:
        "results/search/sweeps/{sweep}.csv",
    log:
        "logs/search/sweep_search/{sweep}.log",
    benchmark:
        "benchmarks/search/sweep_search/{sweep}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(8000),
        runtime=more(240),
    params:
        code=code("sweep_search"),
        values=lambda wildcards: config["search"]["sweeps"][wildcards.sweep],
        tasks=lambda wildcards: {task: TASKS[task] for task in SWEEP_TASKS[wildcards.sweep]},
        methods=lambda wildcards: {
            (task, method): (
                f"results/search/{task}/knowledge_base/{method}",
                expand(
                    "results/encoder/{encoder}/embedding/{shard}.parquet",
                    encoder=method,
                    shard=SHARDS,
                ),
            )
            for task in SWEEP_TASKS[wildcards.sweep]
            for method in METHODS
        },
        search={key: config["search"][key] for key in VOTE_KEYS},
    script:
        "../workflow_scripts/sweep_search.py"


rule time_search:
    """Time single queries against knowledge bases of growing size."""
    input:
        index=f"results/search/classes/knowledge_base/{CASE['method']}/index.faiss",
        roles="results/catalogs/roles.parquet",
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=CASE["method"],
            shard=SHARDS,
        ),
    output:
        "results/search/search_time.csv",
    log:
        "logs/search/time_search.log",
    benchmark:
        "benchmarks/search/time_search.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(16000),
        runtime=more(240),
    params:
        code=code("time_search"),
        settings=config["search"]["timing"],
    script:
        "../workflow_scripts/time_search.py"


rule list_failures:
    """List the targets that one method missed and why: table B1."""
    input:
        votes=f"results/search/{OUTLIERS}/votes.parquet",
        metadata=f"results/search/{OUTLIERS}/knowledge_base/{FAILURES['method']}/metadata.parquet",
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        shards=expand("results/spectra/rest/{shard}.parquet", shard=SHARDS),
    output:
        report("results/table_b1.csv", caption="../report/table_b1.rst", category="Tables"),
    log:
        "logs/search/list_failures.log",
    benchmark:
        "benchmarks/search/list_failures.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("list_failures"),
        target=TASKS.get(OUTLIERS, {}).get("target"),
        settings={"task": OUTLIERS, **FAILURES},
    script:
        "../workflow_scripts/list_failures.py"


rule check_redshifts:
    """Compare each labelled test spectrum's catalogue redshift with all others."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        weights=f"results/encoder/{CHECK['encoder']}/weights.safetensors",
        native=expand("data/spectra/{shard}.parquet", shard=SHARDS),
    output:
        "results/search/redshift_check.parquet",
    log:
        "logs/search/check_redshifts.log",
    benchmark:
        "benchmarks/search/check_redshifts.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(120),
    params:
        code=code("check_redshifts"),
        check=CHECK,
        spectra={key: config["spectra"][key] for key in PREPARE_KEYS},
    script:
        "../workflow_scripts/check_redshifts.py"


rule test_wrong_redshifts:
    """Give test spectra wrong redshifts: which classes the vote is sure of, and what the redshift check lets through."""
    input:
        checked="results/search/redshift_check.parquet",
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        weights=f"results/encoder/{CHECK['encoder']}/weights.safetensors",
        base=f"results/search/classes/knowledge_base/{CHECK['encoder']}/index.faiss",
        embeddings=expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=CHECK["encoder"], shard=SHARDS),
        native=expand("data/spectra/{shard}.parquet", shard=SHARDS),
    output:
        table=report(
            "results/wrong_redshifts.csv",
            caption="../report/wrong_redshifts.rst",
            category="Tables",
        ),
        rows="results/search/wrong_redshifts.parquet",
    log:
        "logs/search/test_wrong_redshifts.log",
    benchmark:
        "benchmarks/search/test_wrong_redshifts.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(120),
    params:
        code=code("test_wrong_redshifts"),
        check=CHECK,
        wrong=config["search"]["wrong_redshifts"],
        learnt=config["search"]["learnt"],
        vote={key: config["search"][key] for key in VOTE_KEYS},
        spectra={key: config["spectra"][key] for key in PREPARE_KEYS},
        grid=(GRID_OF[CHECK["encoder"]], config["spectra"]["grids"][GRID_OF[CHECK["encoder"]]]),
    script:
        "../workflow_scripts/test_wrong_redshifts.py"


rule find_lenses:
    """Search what the model leaves of the test spectra for a galaxy behind, without labels: blindly, and at the true redshift."""
    input:
        votes="results/search/{task}/votes.parquet",
        weights=f"results/encoder/{FINDER}/weights.safetensors",
        shards=expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[FINDER], shard=SHARDS),
        truth=ANSWERS,
    output:
        "results/search/{task}/finders.parquet",
    log:
        "logs/search/find_lenses/{task}.log",
    benchmark:
        "benchmarks/search/find_lenses/{task}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("find_lenses"),
        target=lambda wildcards: TASKS.get(wildcards.task, {}).get("target"),
    script:
        "../workflow_scripts/find_lenses.py"


rule score_ranking:
    """Score how every method ranks each target above all others, and above controls of its redshift, S/N and instrument."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_SYSTEMS),
        finders=FINDERS,
        manifest="results/catalogs/manifest.parquet",
    output:
        ranking=report("results/ranking.csv", caption="../report/ranking.rst", category="Tables"),
        differences=report(
            "results/ranking_differences.csv",
            caption="../report/ranking_differences.rst",
            category="Tables",
        ),
    log:
        "logs/search/score_ranking.log",
    benchmark:
        "benchmarks/search/score_ranking.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("score_ranking"),
        tasks=list(TASKS),
        notes=NOTES,
        bootstrap=config["search"]["ranking"]["bootstrap"],
        method=config["search"]["compared"],
    script:
        "../workflow_scripts/score_ranking.py"


rule measure_consistency:
    """Measure whether a galaxy keeps its embedding when only the noise changes."""
    input:
        manifest="results/catalogs/manifest.parquet",
        weights=expand("results/encoder/{encoder}/weights.safetensors", encoder=METHODS),
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=METHODS,
            shard=SHARDS,
        ),
        shards=expand(
            "results/spectra/{grid}/{shard}.parquet",
            grid=sorted({GRID_OF[m] for m in METHODS}),
            shard=SHARDS,
        ),
    output:
        report("results/consistency.csv", caption="../report/consistency.rst", category="Tables"),
    log:
        "logs/search/measure_consistency.log",
    benchmark:
        "benchmarks/search/measure_consistency.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: config["encoder"]["torch_threads"]
    resources:
        mem_mb=more(8000),
        runtime=more(240),
        gpu=USES_GPU * bool(TRAINED),
    params:
        code=code("measure_consistency"),
        methods={
            m: {
                "weights": f"results/encoder/{m}/weights.safetensors",
                "embeddings": expand(
                    "results/encoder/{encoder}/embedding/{shard}.parquet",
                    encoder=m,
                    shard=SHARDS,
                ),
                "shards": expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[m], shard=SHARDS),
            }
            for m in METHODS
        },
        settings=config["search"]["consistency"],
        bootstrap=config["search"]["bootstrap"],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/measure_consistency.py"


rule estimate_parameters:
    """Estimate physical parameters from the nearest spectra that have one."""
    input:
        manifest="results/catalogs/manifest.parquet",
        catalogs=[path for entry in QUANTITIES.values() for path in quantity_files(entry)],
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=METHODS,
            shard=SHARDS,
        ),
    output:
        report("results/parameters.csv", caption="../report/parameters.rst", category="Tables"),
    log:
        "logs/search/estimate_parameters.log",
    benchmark:
        "benchmarks/search/estimate_parameters.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(16000),
        runtime=more(120),
    params:
        code=code("estimate_parameters"),
        quantities=QUANTITIES,
        files={name: quantity_files(entry) for name, entry in QUANTITIES.items()},
        embeddings={
            m: expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=m, shard=SHARDS) for m in METHODS
        },
        frames={m: config["spectra"]["grids"][GRID_OF[m]]["frame"] for m in METHODS},
        vote={key: config["search"][key] for key in [*VOTE_KEYS, "learnt"]},
        k=config["search"]["parameters"]["k"],
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/estimate_parameters.py"


rule rank_outliers:
    """Rank the test spectra by how odd they are, without any label."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        systems=expand("results/baselines/{system}/votes.parquet", system=OUTLIER_SCORES),
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=config["search"]["outliers"]["methods"],
            shard=SHARDS,
        ),
    output:
        report("results/outlier_ranking.csv", caption="../report/outlier_ranking.rst", category="Tables"),
    log:
        "logs/search/rank_outliers.log",
    benchmark:
        "benchmarks/search/rank_outliers.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(8000),
        runtime=more(120),
    params:
        code=code("rank_outliers"),
        task=OUTLIERS,
        embeddings={
            m: expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=m, shard=SHARDS)
            for m in config["search"]["outliers"]["methods"]
        },
        k=config["search"]["outliers"]["k"],
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/rank_outliers.py"


rule score_few_examples:
    """Fit encoders without some classes, then look for these by a few examples each."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        labels="results/catalogs/labels.parquet",
        shards=[
            f"results/spectra/{grid}/{shard}.parquet"
            for grid in sorted({GRID_OF[m] for m in FEW["methods"]})
            for shard in SHARDS
        ],
    output:
        report("results/few_examples.csv", caption="../report/few_examples.rst", category="Tables"),
    log:
        "logs/search/score_few_examples.log",
    benchmark:
        "benchmarks/search/score_few_examples.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 2
    resources:
        mem_mb=more(16000),
        runtime=more(240),
    params:
        code=code("score_few_examples"),
        settings=FEW,
        encoders={m: config["encoders"][m] for m in FEW["methods"]},
        grids={m: config["spectra"]["grids"][GRID_OF[m]] for m in FEW["methods"]},
        shards={
            m: expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[m], shard=SHARDS) for m in FEW["methods"]
        },
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_few_examples.py"
