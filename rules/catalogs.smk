if config["mock"]:

    rule simulate_survey:
        """Simulate a survey with known answers and write it as a SAS tree."""
        output:
            specobj="data/mock/sas/dr16/sdss/spectro/redux/specObj-dr16.fits",
            galspecextra="data/mock/sas/dr8/common/sdss-spectro/redux/galSpecExtra-dr8.fits",
            portsmouth_boss="data/mock/sas/dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12-boss.fits",
            portsmouth_legacy="data/mock/sas/dr12/boss/spectro/redux/galaxy/v1_1/portsmouth_emlinekin_full-DR12.fits",
            silo="data/mock/sas/dr16/eboss/spectro/lensing/silo/v5_13_0/v5_13_0/1.0.1/silo_eboss_detections-1.0.1.fits",
            outliers="data/mock/outliers.csv",
            truth="data/mock/truth.csv",
        log:
            "logs/catalogs/simulate_survey.log",
        benchmark:
            "benchmarks/catalogs/simulate_survey.tsv"
        conda:
            "../envs/galspec.yaml"
        threads: 2
        resources:
            mem_mb=more(3000),
            runtime=more(30),
        params:
            code=code("simulate_survey"),
            settings=MOCK,
        script:
            "../workflow_scripts/simulate_survey.py"


rule fetch_catalog:
    """Fetch one catalogue from the SAS or another server, whole or not at all."""
    output:
        protected("data/catalogs/{catalog}"),
    log:
        "logs/catalogs/fetch_catalog/{catalog}.log",
    benchmark:
        "benchmarks/catalogs/fetch_catalog/{catalog}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(240),
        downloads=1,
    params:
        url=lambda wildcards, threads: catalog_place(wildcards),
        settings=unrecorded(config["spectra"]["fetch"]),
    script:
        "../workflow_scripts/fetch_catalog.py"


rule read_catalog:
    """Read the columns that matter of one catalogue into Parquet."""
    input:
        catalog_file,
    output:
        "results/catalogs/{catalog}.parquet",
    log:
        "logs/catalogs/read_catalog/{catalog}.log",
    benchmark:
        "benchmarks/catalogs/read_catalog/{catalog}.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(1500),
        runtime=more(60),
    params:
        code=code("read_catalog"),
        columns=catalog_columns,
        only=lambda wildcards: OWN_TABLES.get(wildcards.catalog, {}).get("only"),
        survey=config["survey"],
    script:
        "../workflow_scripts/read_catalog.py"


rule select_galaxies:
    """Cut the survey's catalogue down to usable galaxies and count every cut."""
    input:
        "results/catalogs/specobj.parquet",
    output:
        selected="results/catalogs/selected.parquet",
        dropped="results/catalogs/dropped_by_selection.csv",
    log:
        "logs/catalogs/select_galaxies.log",
    benchmark:
        "benchmarks/catalogs/select_galaxies.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(60),
    params:
        code=code("select_galaxies"),
        settings=config["catalogs"]["select"],
    script:
        "../workflow_scripts/select_galaxies.py"


rule match_labels:
    """Match the label catalogues to the selected galaxies, where they agree."""
    input:
        catalogs=[f"results/catalogs/{name}.parquet" for name in PLACES if name != "specobj"],
        selected="results/catalogs/selected.parquet",
    output:
        labels="results/catalogs/labels.parquet",
        agreement="results/catalogs/agreement.csv",
        dropped="results/catalogs/dropped_by_labels.csv",
        unmatched="results/catalogs/unmatched.csv",
    log:
        "logs/catalogs/match_labels.log",
    benchmark:
        "benchmarks/catalogs/match_labels.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("match_labels"),
        settings={key: config["catalogs"][key] for key in LABEL_KEYS},
        names=[name for name in PLACES if name != "specobj"],
        targets=targets(TASKS),
    script:
        "../workflow_scripts/match_labels.py"


rule list_unmatched:
    """List the rows of a user's table that became no target, why, and the spectrum nearest to each."""
    input:
        table=lambda wildcards: f"results/catalogs/{TASKS[wildcards.task]['source']}.parquet",
        selected="results/catalogs/selected.parquet",
        specobj="results/catalogs/specobj.parquet",
    output:
        "results/catalogs/unmatched_{task}.csv",
    log:
        "logs/catalogs/list_unmatched/{task}.log",
    benchmark:
        "benchmarks/catalogs/list_unmatched/{task}.tsv"
    wildcard_constraints:
        task=one_of(WITH_TABLE),
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("list_unmatched"),
        settings=config["catalogs"]["select"],
    script:
        "../workflow_scripts/list_unmatched.py"


rule draw_sample:
    """Draw who pre-trains, who fills the knowledge base and who is tested, by sky position."""
    input:
        selected="results/catalogs/selected.parquet",
        labels="results/catalogs/labels.parquet",
        dropped=[
            "results/catalogs/dropped_by_selection.csv",
            "results/catalogs/dropped_by_labels.csv",
        ],
    output:
        manifest="results/catalogs/manifest.parquet",
        roles="results/catalogs/roles.parquet",
        dropped="results/catalogs/dropped.csv",
        shards=expand("results/catalogs/shards/{shard}.csv", shard=SHARDS),
    log:
        "logs/catalogs/draw_sample.log",
    benchmark:
        "benchmarks/catalogs/draw_sample.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(8000),
        runtime=more(60),
    params:
        code=code("draw_sample"),
        settings=SAMPLE,
        tasks=TASKS,
    script:
        "../workflow_scripts/draw_sample.py"


rule count_roles:
    """Count spectra by class and role: tables 1 and 3."""
    input:
        roles="results/catalogs/roles.parquet",
    output:
        table1=report("results/table1.csv", caption="../report/table1.rst", category="Tables"),
        table3=report("results/table3.csv", caption="../report/table3.rst", category="Tables"),
    log:
        "logs/catalogs/count_roles.log",
    benchmark:
        "benchmarks/catalogs/count_roles.tsv"
    conda:
        "../envs/galspec.yaml"
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        code=code("count_roles"),
        settings=SAMPLE,
    script:
        "../workflow_scripts/count_roles.py"
