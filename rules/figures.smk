rule plot_history:
    """Plot the loss of one encoder's pre-training."""
    input:
        "results/encoder/{encoder}/history.csv",
    output:
        pdf="results/figures/loss_{encoder}.pdf",
        png=report("results/figures/loss_{encoder}.png", caption="../report/loss.rst", category="Figures"),
        csv="results/figures/loss_{encoder}.csv",
    log:
        "logs/figures/plot_history/{encoder}.log",
    benchmark:
        "benchmarks/figures/plot_history/{encoder}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
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
        png=report("results/figures/neighbours.png", caption="../report/neighbours.rst", category="Figures"),
        csv="results/figures/neighbours.csv",
    log:
        "logs/figures/plot_neighbours.log",
    benchmark:
        "benchmarks/figures/plot_neighbours.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(20),
    params:
        code=code("plot_neighbours"),
        page=PAGE,
        grid=config["spectra"]["grids"][GRID_OF[PAGE["method"]]],
    script:
        "../workflow_scripts/plot_neighbours.py"


rule plot_reliability:
    """Plot how often spectra of a given probability are true targets."""
    input:
        "results/search/reliability.csv",
    output:
        pdf="results/figures/fig_calibration.pdf",
        png=report("results/figures/fig_calibration.png", caption="../report/fig_calibration.rst", category="Figures"),
        csv="results/figures/fig_calibration.csv",
    log:
        "logs/figures/plot_reliability.log",
    benchmark:
        "benchmarks/figures/plot_reliability.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("plot_reliability"),
        method=config["search"]["compared"],
    script:
        "../workflow_scripts/plot_reliability.py"


rule plot_sweep:
    """Plot precision, recall and F1 against what was swept: figures 4, 5 and two like them."""
    input:
        lambda wildcards: f"results/search/sweeps/{SWEEP_OF[wildcards.sweep_figure]}.csv",
    output:
        pdf="results/figures/{sweep_figure}.pdf",
        png=report("results/figures/{sweep_figure}.png", caption="../report/sweep.rst", category="Figures"),
        csv="results/figures/{sweep_figure}.csv",
    log:
        "logs/figures/plot_sweep/{sweep_figure}.log",
    benchmark:
        "benchmarks/figures/plot_sweep/{sweep_figure}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("plot_sweep"),
        sweep=lambda wildcards: SWEEP_OF[wildcards.sweep_figure],
    script:
        "../workflow_scripts/plot_sweep.py"


rule plot_search_time:
    """Plot search time against the size of the knowledge base: figure C1."""
    input:
        "results/search/search_time.csv",
    output:
        pdf="results/figures/fig_c1.pdf",
        png=report("results/figures/fig_c1.png", caption="../report/fig_c1.rst", category="Figures"),
        csv="results/figures/fig_c1.csv",
    log:
        "logs/figures/plot_search_time.log",
    benchmark:
        "benchmarks/figures/plot_search_time.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("plot_search_time"),
    script:
        "../workflow_scripts/plot_search_time.py"


rule plot_stress:
    """Plot F1 against redshift, a shifted input, S/N and lost pixels."""
    input:
        "results/baselines/stress.csv",
    output:
        pdf="results/figures/fig_stress.pdf",
        png=report("results/figures/fig_stress.png", caption="../report/fig_stress.rst", category="Figures"),
        csv="results/figures/fig_stress.csv",
    log:
        "logs/figures/plot_stress.log",
    benchmark:
        "benchmarks/figures/plot_stress.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("plot_stress"),
    script:
        "../workflow_scripts/plot_stress.py"


rule plot_distances:
    """Describe and plot the distances within a knowledge base and the weights made of them: table A1 and figure A1."""
    input:
        index=f"results/search/classes/knowledge_base/{DISTANCES['method']}/index.faiss",
    output:
        table=report("results/table_a1.csv", caption="../report/table_a1.rst", category="Tables"),
        pdf="results/figures/fig_a1.pdf",
        png=report("results/figures/fig_a1.png", caption="../report/fig_a1.rst", category="Figures"),
        csv="results/figures/fig_a1.csv",
    log:
        "logs/figures/plot_distances.log",
    benchmark:
        "benchmarks/figures/plot_distances.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(3000),
        runtime=more(10),
    params:
        code=code("plot_distances"),
        settings=DISTANCES,
        scale=config["search"]["scale"],
    script:
        "../workflow_scripts/plot_distances.py"


rule plot_case:
    """Study one spectrum and the neighbours that label it: table B2 and figure B1."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        labels="results/catalogs/labels.parquet",
        rejected="results/spectra/rejected.csv",
        index=f"results/search/classes/knowledge_base/{CASE['method']}/index.faiss",
        embeddings=expand(
            "results/encoder/{encoder}/embedding/{shard}.parquet",
            encoder=CASE["method"],
            shard=SHARDS,
        ),
        shards=expand("results/spectra/rest/{shard}.parquet", shard=SHARDS),
    output:
        table=report("results/table_b2.csv", caption="../report/table_b2.rst", category="Tables"),
        pdf="results/figures/fig_b1.pdf",
        png=report("results/figures/fig_b1.png", caption="../report/fig_b1.rst", category="Figures"),
        csv="results/figures/fig_b1.csv",
    log:
        "logs/figures/plot_case.log",
    benchmark:
        "benchmarks/figures/plot_case.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(8000),
        runtime=more(30),
    params:
        code=code("plot_case"),
        study=CASE,
        settings={key: config["search"][key] for key in VOTE_KEYS},
        grid=config["spectra"]["grids"]["rest"],
    script:
        "../workflow_scripts/plot_case.py"


rule plot_framework:
    """Draw the framework with this run's settings: figure 1."""
    output:
        pdf="results/figures/fig1.pdf",
        png=report("results/figures/fig1.png", caption="../report/fig1.rst", category="Figures"),
        csv="results/figures/fig1.csv",
    log:
        "logs/figures/plot_framework.log",
    benchmark:
        "benchmarks/figures/plot_framework.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("plot_framework"),
        settings={key: config[key] for key in FRAMEWORK_KEYS},
        method=SHOWN,
    script:
        "../workflow_scripts/plot_framework.py"


rule plot_architecture:
    """Draw the encoder with the shapes of its own tensors: figure 2."""
    output:
        pdf="results/figures/fig2.pdf",
        png=report("results/figures/fig2.png", caption="../report/fig2.rst", category="Figures"),
        csv="results/figures/fig2.csv",
    log:
        "logs/figures/plot_architecture.log",
    benchmark:
        "benchmarks/figures/plot_architecture.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        code=code("plot_architecture"),
        entry=config["encoders"][SHOWN],
        grid=config["spectra"]["grids"][GRID_OF[SHOWN]],
    script:
        "../workflow_scripts/plot_architecture.py"


rule plot_reconstruction:
    """Draw a validation spectrum with hidden patches and their reconstruction: figure 3."""
    input:
        roles="results/catalogs/roles.parquet",
        manifest="results/catalogs/manifest.parquet",
        rejected="results/spectra/rejected.csv",
        weights=f"results/encoder/{SHOWN}/weights.safetensors",
        shards=expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[SHOWN], shard=SHARDS),
    output:
        pdf="results/figures/fig3.pdf",
        png=report("results/figures/fig3.png", caption="../report/fig3.rst", category="Figures"),
        csv="results/figures/fig3.csv",
    log:
        "logs/figures/plot_reconstruction.log",
    benchmark:
        "benchmarks/figures/plot_reconstruction.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(20),
    params:
        code=code("plot_reconstruction"),
        method=SHOWN,
        grid=config["spectra"]["grids"][GRID_OF[SHOWN]],
    script:
        "../workflow_scripts/plot_reconstruction.py"


rule plot_completeness:
    """Plot the recall of lenses at 1 % false positives against the S/N of what was injected."""
    input:
        votes=f"results/search/{LENS}/votes.parquet",
        systems=expand(
            "results/baselines/{system}/votes.parquet",
            system=[name for name in COMPLETE["methods"] if name in IN_SYSTEMS],
        ),
        finders=FINDERS,
        manifest="results/catalogs/manifest.parquet",
        truth=ANSWERS,
    output:
        pdf="results/figures/fig_completeness.pdf",
        png=report(
            "results/figures/fig_completeness.png",
            caption="../report/fig_completeness.rst",
            category="Figures",
        ),
        csv="results/figures/fig_completeness.csv",
    log:
        "logs/figures/plot_completeness.log",
    benchmark:
        "benchmarks/figures/plot_completeness.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(20),
    params:
        code=code("plot_completeness"),
        task=LENS,
        settings=COMPLETE,
    script:
        "../workflow_scripts/plot_completeness.py"


rule plot_evidence:
    """Draw what one spectrum says of a galaxy behind it: model, residual, and S/N at every trial redshift."""
    input:
        votes=f"results/search/{LENS}/votes.parquet",
        weights=f"results/encoder/{FINDER}/weights.safetensors",
        shards=expand("results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[FINDER], shard=SHARDS),
        truth=ANSWERS,
    output:
        pdf="results/figures/fig_evidence.pdf",
        png=report("results/figures/fig_evidence.png", caption="../report/fig_evidence.rst", category="Figures"),
        csv="results/figures/fig_evidence.csv",
    log:
        "logs/figures/plot_evidence.log",
    benchmark:
        "benchmarks/figures/plot_evidence.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(20),
    params:
        code=code("plot_evidence"),
        study=STUDIED,
    script:
        "../workflow_scripts/plot_evidence.py"


rule plot_few_examples:
    """Plot how many members of an unseen class a few examples find."""
    input:
        "results/few_examples.csv",
    output:
        pdf="results/figures/fig_few_examples.pdf",
        png=report(
            "results/figures/fig_few_examples.png",
            caption="../report/fig_few_examples.rst",
            category="Figures",
        ),
        csv="results/figures/fig_few_examples.csv",
    log:
        "logs/figures/plot_few_examples.log",
    benchmark:
        "benchmarks/figures/plot_few_examples.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        code=code("plot_few_examples"),
    script:
        "../workflow_scripts/plot_few_examples.py"


rule plot_map:
    """Draw an embedding as a map that a browser shows: each point a spectrum, near ones alike."""
    input:
        manifest="results/catalogs/manifest.parquet",
        labels="results/catalogs/labels.parquet",
        rejected="results/spectra/rejected.csv",
        embeddings=expand("results/encoder/{{encoder}}/embedding/{shard}.parquet", shard=SHARDS),
        shards=lambda wildcards: expand(
            "results/spectra/{grid}/{shard}.parquet", grid=GRID_OF[wildcards.encoder], shard=SHARDS
        ),
    output:
        html="results/figures/map_{encoder}.html",
        csv="results/figures/map_{encoder}.csv",
    log:
        "logs/figures/plot_map/{encoder}.log",
    benchmark:
        "benchmarks/figures/plot_map/{encoder}.tsv"
    conda:
        "../envs/map.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("plot_map", *PAGES["map"]),
        settings=config["figures"]["map"],
        archive=ARCHIVE,
        grid=lambda wildcards: config["spectra"]["grids"][GRID_OF[wildcards.encoder]],
    script:
        "../workflow_scripts/plot_map.py"
