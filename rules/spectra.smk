rule fetch_shard:
    """Fetch the spectra of one shard, check each, and keep them on native pixels."""
    input:
        ancient("results/catalogs/shards/{shard}.csv"),
    output:
        native=protected("data/spectra/{shard}.parquet"),
        rejected=protected("data/spectra/{shard}.rejected.csv"),
    log:
        "logs/spectra/fetch_shard/{shard}.log",
    benchmark:
        "benchmarks/spectra/fetch_shard/{shard}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1500),
        runtime=more(120),
        downloads=config["spectra"]["fetch"]["threads"],
    params:
        sas=sas_of,
        settings=unrecorded({key: config["spectra"][key] for key in FETCH_KEYS}),
        survey=unrecorded(config["survey"]),
    script:
        "../workflow_scripts/fetch_shard.py"


rule grid_shard:
    """Normalise the spectra of one shard and resample them to a grid."""
    input:
        native="data/spectra/{shard}.parquet",
    output:
        gridded="results/spectra/{grid}/{shard}.parquet",
        rejected="results/spectra/{grid}/{shard}.rejected.csv",
    log:
        "logs/spectra/grid_shard/{grid}/{shard}.log",
    benchmark:
        "benchmarks/spectra/grid_shard/{grid}/{shard}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1500),
        runtime=more(30),
    params:
        code=code("grid_shard"),
        grid=lambda wildcards: config["spectra"]["grids"][wildcards.grid],
        settings={key: config["spectra"][key] for key in PREPARE_KEYS},
    script:
        "../workflow_scripts/grid_shard.py"


rule list_shards:
    """List the shards of one grid or encoder: later rules ask for the list, not for thousands of files each."""
    input:
        expand("results/{{stage}}/{shard}.parquet", shard=SHARDS),
    output:
        "results/{stage}/shards.csv",
    log:
        "logs/spectra/list_shards/{stage}.log",
    benchmark:
        "benchmarks/spectra/list_shards/{stage}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(20),
    params:
        code=code("list_shards"),
    script:
        "../workflow_scripts/list_shards.py"


rule collect_rejected:
    """List every spectrum that could not be used, and why; make sure that none is missing."""
    input:
        manifest="results/catalogs/manifest.parquet",
        native=expand("data/spectra/{shard}.parquet", shard=SHARDS),
        rejected=[
            *expand("data/spectra/{shard}.rejected.csv", shard=SHARDS),
            *expand(
                "results/spectra/{grid}/{shard}.rejected.csv",
                grid=sorted(USED_GRIDS),
                shard=SHARDS,
            ),
        ],
    output:
        "results/spectra/rejected.csv",
    log:
        "logs/spectra/collect_rejected.log",
    benchmark:
        "benchmarks/spectra/collect_rejected.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(20),
    params:
        code=code("collect_rejected"),
    script:
        "../workflow_scripts/collect_rejected.py"
