# GalSpec with its pinned dependencies, for Docker, Apptainer and Kubernetes (docs/cluster.md):
#   docker build --tag galspec .
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/galspec
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt --editable '.[mock,systems,slurm,crate,map,spectra]'

# results go where the container is started: mount a folder at /run-here
RUN mkdir /run-here && chmod 777 /run-here
ENV HOME=/run-here
ENTRYPOINT ["snakemake", "--snakefile", "/opt/galspec/Snakefile", "--workflow-profile", "/opt/galspec/profiles/default", \
    "--directory", "/run-here"]
CMD ["--cores", "all", "--configfile", "/opt/galspec/config.yaml", "--", "results/table4.csv"]
