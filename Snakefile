# From the SDSS archive to the paper's tables and figures:
#   snakemake --cores 16 results/table4.csv
configfile: "config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/catalogs.smk"
include: "rules/spectra.smk"
include: "rules/encoder.smk"
include: "rules/search.smk"
include: "rules/baselines.smk"
include: "rules/query.smk"
include: "rules/candidates.smk"
include: "rules/figures.smk"


rule all:
    """The paper's search table (table 4) with what explains it."""
    default_target: True
    input:
        "results/table1.csv",
        "results/table3.csv",
        "results/table4.csv",
        "results/spectra/rejected.csv",
        "results/figures/neighbours.pdf",
        expand("results/figures/loss_{encoder}.pdf", encoder=TRAINED),


rule paper:
    """Every table and figure of the paper, and those beside them."""
    input:
        expand("results/{table}.csv", table=TABLES),
        expand("results/figures/{figure}.pdf", figure=FIGURES),
        rules.all.input,
    output:
        touch("results/paper.done"),
