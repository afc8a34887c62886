# Systems beside the search's own methods, and the tables that compare them.
STRESS = config["baselines"]["stress"]
STRESS_NETWORKS = {
    system: (
        SYSTEMS[system]["grid"],
        {seed: f"results/baselines/{system}/{THREE_CLASSES}/{seed}/weights.safetensors" for seed in STRESS["seeds"]},
    )
    for system in STRESS["networks"]
}
STRESS_GRIDS = {grid for grid, _ in STRESS_NETWORKS.values()} | {GRID_OF[m] for m in STRESS["methods"]}
STRESS_SHARDS = {
    grid: expand("results/spectra/{grid}/{shard}.parquet", grid=grid, shard=SHARDS) for grid in sorted(STRESS_GRIDS)
}

FOLDED = {  # what the systems of the cross-validation read: a table of features, or the shards of their grid
    name: (
        [FEATURES[SYSTEMS[name]["features"]]]
        if "features" in SYSTEMS[name]
        else expand("results/spectra/{grid}/{shard}.parquet", grid=SYSTEMS[name]["grid"], shard=SHARDS)
    )
    for name in IN_CLASSES
    if SYSTEM_FAMILY[name] in ("classifier", "embedding")
}


rule measure_nuisance:
    """Measure what of each spectrum has nothing to do with what the galaxy is."""
    input:
        native=expand("data/spectra/{shard}.parquet", shard=SHARDS),
        manifest="results/catalogs/manifest.parquet",
    output:
        "results/baselines/nuisance.parquet",
    log:
        "logs/baselines/measure_nuisance.log",
    benchmark:
        "benchmarks/baselines/measure_nuisance.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
    params:
        code=code("measure_nuisance"),
        bits=config["spectra"]["bad_mask_bits"],
    script:
        "../workflow_scripts/measure_nuisance.py"


rule train_system:
    """Train the network of one system without labels, on the spectra that pre-train the encoders."""
    input:
        roles="results/catalogs/roles.parquet",
        shards=system_shards,
    output:
        weights="results/baselines/{system}/weights.safetensors",
        config="results/baselines/{system}/config.json",
        history="results/baselines/{system}/history.csv",
    log:
        "logs/baselines/train_system/{system}.log",
    benchmark:
        "benchmarks/baselines/train_system/{system}.tsv"
    conda:
        "../envs/systems.yaml"
    threads: config["encoder"]["torch_threads"]
    resources:
        mem_mb=more(12000),
        runtime=more(60 * config["encoder"]["training_hours"]),
        gpu=1,
    params:
        code=system_code("train_system"),
        entry=lambda wildcards: SYSTEMS[wildcards.system],
        grid=lambda wildcards: config["spectra"]["grids"][SYSTEMS[wildcards.system]["grid"]],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/train_system.py"


rule train_supervised:
    """Train the network of one system on the labels of one seed's knowledge base."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        shards=system_shards,
    output:
        weights="results/baselines/{system}/{task}/{seed}/weights.safetensors",
        config="results/baselines/{system}/{task}/{seed}/config.json",
        history="results/baselines/{system}/{task}/{seed}/history.csv",
    log:
        "logs/baselines/train_supervised/{system}/{task}/{seed}.log",
    benchmark:
        "benchmarks/baselines/train_supervised/{system}/{task}/{seed}.tsv"
    conda:
        "../envs/systems.yaml"
    threads: config["encoder"]["torch_threads"]
    resources:
        mem_mb=more(12000),
        runtime=more(60 * config["encoder"]["training_hours"]),
        gpu=1,
    params:
        code=system_code("train_supervised"),
        target=lambda wildcards: TASKS.get(wildcards.task, {}).get("target"),
        entry=lambda wildcards: SYSTEMS[wildcards.system],
        grid=lambda wildcards: config["spectra"]["grids"][SYSTEMS[wildcards.system]["grid"]],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/train_supervised.py"


rule embed_system:
    """Embed by one system's network what votes, is tested, or has a flow fitted to it."""
    input:
        weights="results/baselines/{system}/weights.safetensors",
        roles="results/catalogs/roles.parquet",
        rejected="results/spectra/rejected.csv",
        shards=system_shards,
    output:
        "results/baselines/{system}/embedding.parquet",
    log:
        "logs/baselines/embed_system/{system}.log",
    benchmark:
        "benchmarks/baselines/embed_system/{system}.tsv"
    conda:
        "../envs/systems.yaml"
    threads: config["encoder"]["torch_threads"]
    resources:
        mem_mb=more(8000),
        runtime=more(240),
        gpu=1,
    params:
        code=system_code("embed_system"),
        fitted=lambda wildcards: [entry for entry in SYSTEMS.values() if entry.get("of") == wildcards.system],
        most=config["baselines"]["fit_spectra"],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/embed_system.py"


rule vote_system:
    """Let one system label the test spectra of every task it takes part in."""
    input:
        unpack(system_inputs),
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
    output:
        "results/baselines/{system}/votes.parquet",
    log:
        "logs/baselines/vote_system/{system}.log",
    benchmark:
        "benchmarks/baselines/vote_system/{system}.tsv"
    conda:
        "../envs/systems.yaml"
    threads: lambda wildcards: 1 + (wildcards.system in BUSY)
    resources:
        mem_mb=more(16000),
        runtime=more(720),
        gpu=lambda wildcards: int(wildcards.system in ON_LABELS),
    params:
        code=system_code("vote_system"),
        entry=lambda wildcards: SYSTEMS[wildcards.system],
        tasks=lambda wildcards: {task: TASKS.get(task, {}) for task in tasks_of(wildcards.system)},
        seeds=lambda wildcards: seeds_of(wildcards.system),
        search={key: config["search"][key] for key in VOTE_KEYS},
        most=config["baselines"]["fit_spectra"],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/vote_system.py"


rule score_three_classes:
    """Score star-forming, AGN and normal by every method of the paper's comparison: table 2."""
    input:
        votes="results/search/bpt3/votes.parquet",
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_TABLE2),
        histories=list(trainings([*METHODS, *IN_TABLE2], [THREE_CLASSES])),
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/table2.csv", caption="../report/table2.rst", category="Tables"),
    log:
        "logs/baselines/score_three_classes.log",
    benchmark:
        "benchmarks/baselines/score_three_classes.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_three_classes"),
        notes=NOTES,
        trained=list(trainings([*METHODS, *IN_TABLE2], [THREE_CLASSES]).values()),
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_three_classes.py"


rule score_systems:
    """Score every system on every target, beside the search's own methods."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=TASKS),
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_SYSTEMS),
        histories=list(trainings([*METHODS, *IN_SYSTEMS], TASKS)),
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/systems.csv", caption="../report/systems.rst", category="Tables"),
    log:
        "logs/baselines/score_systems.log",
    benchmark:
        "benchmarks/baselines/score_systems.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("score_systems"),
        tasks=list(TASKS),
        notes=NOTES,
        trained=list(trainings([*METHODS, *IN_SYSTEMS], TASKS).values()),
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_systems.py"


rule score_differences:
    """Compare one method with every other on the same spectra, target by target and class by class."""
    input:
        votes=expand("results/search/{task}/votes.parquet", task=[ALL_CLASSES, *TASKS]),
        systems=expand("results/baselines/{system}/votes.parquet", system=COMPARED),
        manifest="results/catalogs/manifest.parquet",
    output:
        report("results/differences.csv", caption="../report/differences.rst", category="Tables"),
    log:
        "logs/baselines/score_differences.log",
    benchmark:
        "benchmarks/baselines/score_differences.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("score_differences"),
        tasks=[ALL_CLASSES, *TASKS],
        method=config["search"]["compared"],
        bootstrap=config["search"]["bootstrap"],
    script:
        "../workflow_scripts/score_differences.py"


rule cross_validate:
    """Ask every labelled spectrum once, by knowledge bases of other sky positions: all methods on the same folds."""
    input:
        embeddings=expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=METHODS, shard=SHARDS),
        systems=[path for paths in FOLDED.values() for path in paths],
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
    output:
        table=report(
            "results/cross_validation.csv",
            caption="../report/cross_validation.rst",
            category="Tables",
        ),
        differences=report(
            "results/cross_validation_differences.csv",
            caption="../report/cross_validation_differences.rst",
            category="Tables",
        ),
    log:
        "logs/baselines/cross_validate.log",
    benchmark:
        "benchmarks/baselines/cross_validate.tsv"
    conda:
        "../envs/systems.yaml"
    threads: 2
    resources:
        mem_mb=more(16000),
        runtime=more(240),
    params:
        code=code("cross_validate"),
        methods={
            m: expand("results/encoder/{encoder}/embedding/{shard}.parquet", encoder=m, shard=SHARDS) for m in METHODS
        },
        systems={
            name: (SYSTEMS[name], {"table": paths[0]} if "features" in SYSTEMS[name] else {"shards": paths})
            for name, paths in FOLDED.items()
        },
        folds=config["search"]["folds"],
        compared=config["search"]["compared"],
        search={key: config["search"][key] for key in VOTE_KEYS},
        learnt=config["search"]["learnt"],
        bootstrap=config["search"]["bootstrap"],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/cross_validate.py"


rule stress_methods:
    """Test the paper's explanations: F1 against redshift, a shifted input, S/N and lost pixels."""
    input:
        votes="results/search/bpt3/votes.parquet",
        systems=expand("results/baselines/{system}/votes.parquet", system=IN_TABLE2),
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        shards=[path for paths in STRESS_SHARDS.values() for path in paths],
        weights=[path for _, paths in STRESS_NETWORKS.values() for path in paths.values()],
        encoders=[f"results/encoder/{m}/weights.safetensors" for m in STRESS["methods"]],
        bases=[f"results/search/bpt3/knowledge_base/{m}/index.faiss" for m in STRESS["methods"]],
    output:
        "results/baselines/stress.csv",
    log:
        "logs/baselines/stress_methods.log",
    benchmark:
        "benchmarks/baselines/stress_methods.tsv"
    conda:
        "../envs/systems.yaml"
    threads: 2
    resources:
        mem_mb=more(16000),
        runtime=more(240),
        gpu=1,
    params:
        code=code("stress_methods"),
        networks=STRESS_NETWORKS,
        methods={
            m: (
                GRID_OF[m],
                f"results/encoder/{m}/weights.safetensors",
                f"results/search/bpt3/knowledge_base/{m}",
            )
            for m in STRESS["methods"]
        },
        shards=STRESS_SHARDS,
        grids=config["spectra"]["grids"],
        settings=STRESS,
        search={key: config["search"][key] for key in VOTE_KEYS},
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/stress_methods.py"
