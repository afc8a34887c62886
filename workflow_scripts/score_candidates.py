"""Score a whole survey for one target and rank it."""

from pathlib import Path

from galspec_core.catalogs.labels import read_label_words
from galspec_core.files import write_csv, write_parquet
from galspec_core.job import job
from galspec_core.search.candidate_lines import lines_behind_candidates
from galspec_core.search.candidates import COLUMNS, list_candidates, read_manifests, score_survey, with_reasons
from galspec_core.search.task import open_voter
from galspec_core.search.vote import VoteSettings

with job(snakemake):
    inputs, params, task = snakemake.input, snakemake.params, snakemake.wildcards.task
    method, target, choice = params.method, params.task["target"], params.choice
    manifest = read_manifests(inputs.manifests)
    settings = VoteSettings.from_config(params.settings, params.task)
    voter, _ = open_voter(
        task, target, method, Path(inputs.base).parent, inputs.embeddings, settings, params.learnt, snakemake.threads
    )
    scored = score_survey(voter, inputs.embeddings, manifest, choice["seed"], choice["top"])
    rate, words = choice["base_rate"].get(task), read_label_words(inputs.labels)
    table = list_candidates(scored, voter, choice["seed"], manifest, words, inputs.embeddings, rate)
    table, said = lines_behind_candidates(table, inputs.weights, inputs.shards, task in choice["behind"])
    table = with_reasons(table, target, manifest, method in params.learnt["methods"], said)
    write_csv(table[COLUMNS], snakemake.output.csv)
    write_parquet(table, snakemake.output.details)
