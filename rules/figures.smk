rule plot_history:
    """Plot the loss of one encoder's pre-training."""
    input:
        "results/encoder/{encoder}/history.csv",
    output:
        pdf="results/figures/loss_{encoder}.pdf",
        png="results/figures/loss_{encoder}.png",
        csv="results/figures/loss_{encoder}.csv",
    log:
        "logs/figures/plot_history/{encoder}.log",
    benchmark:
        "benchmarks/figures/plot_history/{encoder}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("plot_history"),
    script:
        "../workflow_scripts/plot_history.py"


rule plot_neighbours:
    """Draw one page of test spectra, each with the neighbours that voted."""
    input:
        votes=f"results/search/{PAGE['task']}/votes.parquet",
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        shards=expand(
            "results/spectra/{grid}/{shard}.parquet",
            grid=GRID_OF[PAGE["method"]],
            shard=SHARDS,
        ),
    output:
        pdf="results/figures/neighbours.pdf",
        png="results/figures/neighbours.png",
        csv="results/figures/neighbours.csv",
    log:
        "logs/figures/plot_neighbours.log",
    benchmark:
        "benchmarks/figures/plot_neighbours.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        code=code("plot_neighbours"),
        page=PAGE,
        grid=config["spectra"]["grids"][GRID_OF[PAGE["method"]]],
    script:
        "../workflow_scripts/plot_neighbours.py"
