"""What a dry run says a run will cost follows from its jobs and sizes."""

from types import SimpleNamespace

import pytest

from galspec_core.config import load_config
from galspec_core.cost import START, Cost, estimate, forward_flops, read_measured, say_cost
from galspec_core.doctor import count_spectra
from tests.conftest import ROOT

DR16 = load_config([ROOT / "config.yaml"])
SPECTRA = 293_392 + 13_816  # pre-training (labelled ones first), and 30 % of 46,054 labelled ones to test
SHARDS = DR16["spectra"]["n_shards"]


def jobs(rule, n=1, shard="0000", **wildcards):
    """Return ``n`` jobs of a rule, all of one shard, as Snakemake gives them."""
    wildcards |= {"shard": shard}
    return [SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=SimpleNamespace(**wildcards))] * n


def test_every_spectrum_is_one_request_and_at_most_60_kilobytes():
    cost = estimate(jobs("fetch_shard", SHARDS), DR16, {})
    assert cost.requests == pytest.approx(SPECTRA)
    assert cost.disk_bytes == pytest.approx(60_000 * SPECTRA)


def test_a_labelled_spectrum_that_pretrains_is_counted_once():
    sample = DR16["catalogs"]["sample"]
    labelled = sum(sample["labelled"].values())
    trains = round(0.7 * labelled)
    for n, spectra in ((0, labelled), (trains, labelled), (trains + 100, labelled + 100)):
        few = {**DR16, "catalogs": {**DR16["catalogs"], "sample": {**sample, "n_pretrain": n}}}
        assert count_spectra(few) == pytest.approx(spectra, abs=1)


def test_shards_of_the_query_part_hold_the_query_spectra():
    parts = DR16["spectra"]["query_shards"]
    cost = estimate(jobs("fetch_shard", parts, shard=str(SHARDS + parts - 1)), DR16, {})
    assert cost.requests == pytest.approx(DR16["catalogs"]["sample"]["query"])


def test_a_folder_is_asked_for_nothing():
    assert estimate(jobs("fetch_shard", 3), {**DR16, "sas": "/archive"}, {}).requests == 0


def test_gridded_spectra_take_two_float32_a_pixel():
    cost = estimate(jobs("grid_shard", SHARDS, grid="observed"), DR16, {})
    assert cost.disk_bytes == pytest.approx(2 * 4 * 3688 * SPECTRA)


def test_hours_grow_with_the_spectra_but_for_the_start():
    measured = {"vote_task": (START + 7, SPECTRA // 10)}
    hours = estimate(jobs("vote_task"), DR16, measured).cpu_hours
    assert hours == pytest.approx((START + 70) / 3600, rel=1e-3)


def test_the_papers_encoder_takes_two_operations_a_weight_and_token_and_some_for_attention():
    entry, tokens = DR16["encoders"]["paper"], 735
    weights = 12 * 6 * 768**2
    assert weights == pytest.approx(43e6, rel=0.02)  # as many as it has, but for embeddings and norms
    attention = 2 * 6 * (2 * tokens**2 * 768)  # scores, and their sum over values
    assert forward_flops(entry, DR16["spectra"]["grids"]["observed"]) == 2 * weights * tokens + attention


def test_training_is_charged_to_a_gpu_unless_it_runs_on_a_cpu():
    training = jobs("pretrain_encoder", encoder="paper")
    assert estimate(training, DR16, {}).gpu_hours == pytest.approx(19.3, rel=0.05)
    on_cpu = {**DR16, "encoder": {**DR16["encoder"], "device": "cpu"}}
    cost = estimate(training, on_cpu, {})
    assert cost.gpu_hours == 0
    assert cost.cpu_hours > 10_000


def test_an_encoder_without_a_network_needs_no_gpu():
    assert estimate(jobs("pretrain_encoder", encoder="galspec"), DR16, {}).gpu_hours == 0


def test_the_measured_seconds_are_those_of_rules_that_exist():
    rules = {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")}
    measured = read_measured()
    assert set(measured) <= rules
    assert {"fetch_shard", "grid_shard", "embed_shard", "build_knowledge_base", "vote_task"} <= set(measured)
    assert all(seconds > 0 and spectra > 0 for seconds, spectra in measured.values())


def test_nothing_is_said_of_a_run_that_is_no_dry_run(capsys):
    say_cost(SimpleNamespace(executor_plugin=None, dryrun=False, dag=None), DR16)
    assert capsys.readouterr() == ("", "")


def test_the_sentence_has_all_five_costs():
    said = str(Cost(12_045, 10.4, 0.5, 501e9, 2_960_018))
    assert said == "12,045 jobs, 10 CPU hours, 0.5 GPU hours, 501 GB of disk, 2,960,018 requests"
