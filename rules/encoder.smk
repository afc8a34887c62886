rule pretrain_encoder:
    """Pre-train one encoder on the unlabelled spectra of the training side."""
    input:
        roles="results/catalogs/roles.parquet",
        shards=lambda wildcards: f"results/spectra/{GRID_OF[wildcards.encoder]}/shards.csv",
    output:
        weights="results/encoder/{encoder}/weights.safetensors",
        config="results/encoder/{encoder}/config.json",
        history="results/encoder/{encoder}/history.csv",
    log:
        "logs/encoder/pretrain_encoder/{encoder}.log",
    benchmark:
        "benchmarks/encoder/pretrain_encoder/{encoder}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: lambda wildcards: GPUS * config["encoder"]["torch_threads"] if wildcards.encoder in TRAINED else 1
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt * (GPUS if wildcards.encoder in TRAINED else 1),
        runtime=more(60 * config["encoder"]["training_hours"]),
        gpu=lambda wildcards: GPUS * NODES * USES_GPU if wildcards.encoder in TRAINED else 0,
        nodes=training_on(GPUS * NODES > 1, NODES),
        slurm_extra=training_on(NODES > 1 and USES_GPU, f"--gpus-per-node={GPUS}"),
        mpi=training_on(NODES > 1, "srun"),
        tasks=training_on(NODES > 1, NODES),
        tasks_per_gpu=training_on(NODES > 1, 0),
    params:
        code=code("pretrain_encoder"),
        entry=lambda wildcards: config["encoders"][wildcards.encoder],
        grid=lambda wildcards: config["spectra"]["grids"][GRID_OF[wildcards.encoder]],
        run=unrecorded(config["encoder"]),
    script:
        "../workflow_scripts/pretrain_encoder.py"


rule embed_shard:
    """Embed the spectra of one shard."""
    input:
        weights="results/encoder/{encoder}/weights.safetensors",
        shard=lambda wildcards: f"results/spectra/{GRID_OF[wildcards.encoder]}/{wildcards.shard}.parquet",
    output:
        "results/encoder/{encoder}/embedding/{shard}.parquet",
    log:
        "logs/encoder/embed_shard/{encoder}/{shard}.log",
    benchmark:
        "benchmarks/encoder/embed_shard/{encoder}/{shard}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
        gpu=lambda wildcards: USES_GPU * (wildcards.encoder in TRAINED),
    params:
        code=code("embed_shard"),
        run=unrecorded(config["encoder"] | {"torch_threads": 1}),
    script:
        "../workflow_scripts/embed_shard.py"
