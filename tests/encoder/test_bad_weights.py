"""Spoilt weights: each file is refused by name, and no pickle is ever opened."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from galspec_core.encoder.checkpoint import load_checkpoint
from galspec_core.encoder.embed import load_encoder
from galspec_core.encoder.lines import line_templates
from galspec_core.encoder.model import build_transformer
from galspec_core.encoder.weights import save_weights
from galspec_core.errors import SearchError
from tests.encoder.conftest import ENTRY, GRID, PIXELS, RUN

PCA = dict(kind="pca", grid="observed", components=2)
MEAN, COMPONENTS = torch.ones(PIXELS), torch.eye(PIXELS)[:2].contiguous()


def transformer(**changed):
    """Return the tensors of an untrained Transformer, some of them changed."""
    torch.manual_seed(0)
    return build_transformer(ENTRY, GRID).state_dict() | changed


def without(table, key):
    return {name: value for name, value in table.items() if name != key}


NAN = torch.full((PIXELS,), float("nan"))
DO_NOT_FIT, CANNOT_READ = "do not fit their configuration", "no encoder weights can be read"
BAD = [  # name, tensors, entry, grid, words of the message
    ("no tensors", {}, PCA, GRID, DO_NOT_FIT),
    ("no components", {"mean": MEAN}, PCA, GRID, DO_NOT_FIT),
    ("components of another grid", {"mean": MEAN, "components": COMPONENTS[:, 1:].contiguous()}, PCA, GRID, "(2, 119)"),
    ("another number of components", {"mean": MEAN, "components": COMPONENTS[:1].clone()}, PCA, GRID, "(1, 120)"),
    ("a mean of one number", {"mean": MEAN[:1].clone(), "components": COMPONENTS}, PCA, GRID, "mean (1,)"),
    ("a mean NaN", {"mean": NAN, "components": COMPONENTS}, PCA, GRID, "not finite; got mean"),
    ("a mean infinite", {"mean": MEAN / 0, "components": COMPONENTS}, PCA, GRID, "not finite; got mean"),
    ("a grid of fewer pixels", {"mean": MEAN, "components": COMPONENTS}, PCA, GRID | {"pixels": 60}, DO_NOT_FIT),
    ("a grid without pixels", {"mean": MEAN, "components": COMPONENTS}, PCA, without(GRID, "pixels"), CANNOT_READ),
    ("a kind that is none", {"mean": MEAN, "components": COMPONENTS}, PCA | {"kind": "pka"}, GRID, "pka"),
    ("no kind", {"mean": MEAN, "components": COMPONENTS}, without(PCA, "kind"), GRID, CANNOT_READ),
    ("PCA said to be a Transformer", {"mean": MEAN, "components": COMPONENTS}, ENTRY, GRID, DO_NOT_FIT),
    ("a Transformer said to be PCA", transformer(), PCA, GRID, DO_NOT_FIT),
    ("a tensor missing", without(transformer(), "position"), ENTRY, GRID, "position"),
    ("a tensor too many", transformer(extra=MEAN), ENTRY, GRID, "extra"),
    ("a tensor of another shape", transformer(position=torch.zeros(1, 3, 16)), ENTRY, GRID, "position"),
    ("a wider entry", transformer(), ENTRY | {"width": 32}, GRID, DO_NOT_FIT),
    ("heads that do not divide the width", transformer(), ENTRY | {"heads": 3}, GRID, "no multiple of heads"),
    ("an unknown pooling", transformer(), ENTRY | {"pooling": "middle"}, GRID, "middle"),
    ("an entry without patches", transformer(), without(ENTRY, "patch"), GRID, "patch"),
    ("a patch wider than the grid", transformer(), ENTRY | {"patch": 500}, GRID, "no patch fits"),
    ("a Transformer with NaN", transformer(mask_token=torch.full((1, 1, 16), torch.nan)), ENTRY, GRID, "mask_token"),
    ("an entry that is a word", {"mean": MEAN}, "pca", GRID, CANNOT_READ),
    ("a grid that is null", {"mean": MEAN}, PCA, None, CANNOT_READ),
]  # fmt: skip


@pytest.mark.parametrize(("tensors", "entry", "grid", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, tensors, entry, grid, words):
    save_weights(tmp_path / "w.safetensors", tensors, entry, grid)
    with pytest.raises(SearchError) as caught:
        load_encoder(tmp_path / "w.safetensors", RUN)
    assert "w.safetensors" in str(caught.value)
    assert words in str(caught.value)


LOG_GRID = dict(frame="rest", spacing="log", wave=[3500.0, 7000.0], pixels=3011)
FACTORS = dict(kind="factors", grid="rest", components=2)


def factors(**changed):
    """Return the tensors of factors on LOG_GRID with some of them changed, those that are None left out."""
    lines = torch.from_numpy(line_templates(LOG_GRID).astype("f4"))
    whole = dict(mean=torch.ones(3011), components=torch.eye(3011)[:2].clone(), lines=lines, precision=torch.eye(2))
    k = 2 + len(lines)
    mixture = dict(share=torch.ones(1), centre=torch.zeros(1, k), covariance=torch.eye(k)[None].clone())
    tensors = whole | mixture | dict(excess=torch.ones(40000), typical=torch.tensor([0.0, 1.0])) | changed
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(("key", "value"), [
    ("precision", torch.zeros(2, 2)), ("precision", torch.ones(2, 3)), ("lines", torch.ones(3, 5)), ("excess", torch.ones(4)),
    ("share", torch.ones(2)), ("mean", torch.ones(200)), ("components", None), ("lines", None),
])  # fmt: skip
def test_factors_that_do_not_fit_each_other_are_refused(tmp_path, key, value):
    save_weights(tmp_path / "w.safetensors", factors(**{key: value}), FACTORS, LOG_GRID)
    with pytest.raises(SearchError, match=f"w.safetensors: the weights {DO_NOT_FIT}"):
        load_encoder(tmp_path / "w.safetensors", RUN)


def test_factors_that_fit_are_read(tmp_path):
    save_weights(tmp_path / "w.safetensors", factors(), FACTORS, LOG_GRID)
    assert load_encoder(tmp_path / "w.safetensors", RUN).pixels == 3011


def bytes_of(**metadata):
    """Return a safetensors file with some metadata, as bytes."""
    from safetensors.torch import save

    return save({"mean": MEAN}, metadata=metadata)


HEADER = json.dumps({"mean": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
BROKEN = [  # name, bytes
    ("empty", b""),
    ("cut short", bytes_of(galspec="{}")[:-8]),
    ("cut within the header", bytes_of(galspec="{}")[:20]),
    ("no configuration", bytes_of()),
    ("a configuration that is no JSON", bytes_of(galspec="{")),
    ("a configuration of another kind", bytes_of(galspec="[1, 2]")),
    ("a configuration without its entry", bytes_of(galspec='{"grid": {}}')),
    ("a header of 10^18 bytes", (10**18).to_bytes(8, "little") + b"{}"),
    ("a tensor of 10^12 numbers", len(HEADER).to_bytes(8, "little") + HEADER),
    ("text", b"these are no weights"),
]


@pytest.mark.parametrize("content", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(SearchError, match=f"w.safetensors: {CANNOT_READ}"):
        load_encoder(tmp_path / "w.safetensors", RUN)


def test_a_folder_in_place_of_weights_is_refused(tmp_path):
    with pytest.raises(SearchError, match=CANNOT_READ):
        load_encoder(tmp_path, RUN)


class Trap:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def torch_file(trap, path):
    torch.save({"mark": "m", "state": trap}, path)


def plain_pickle(trap, path):
    path.write_bytes(pickle.dumps({"mark": "m", "state": trap}))


def old_torch_file(trap, path):
    torch.save({"mark": "m", "state": trap}, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [torch_file, plain_pickle, old_torch_file])
def test_a_foreign_pickle_is_never_opened(tmp_path, write):
    trap = Trap(tmp_path / "sprung")
    pickle.loads(pickle.dumps(trap))
    assert trap.path.exists()  # the trap works
    trap.path.unlink()
    write(trap, tmp_path / "w.safetensors")
    with pytest.raises(SearchError, match=CANNOT_READ):
        load_encoder(tmp_path / "w.safetensors", RUN)
    write(trap, tmp_path / "last.pt")
    assert load_checkpoint(tmp_path, "m") is None  # training starts afresh
    assert not trap.path.exists()


@pytest.mark.parametrize("state", [torch.zeros(3), [1, 2], {"step": 4}, {"mark": "another"}])
def test_a_checkpoint_that_holds_something_else_is_not_resumed(tmp_path, state):
    torch.save(state, tmp_path / "last.pt")
    assert load_checkpoint(tmp_path, "m") is None


def test_sound_weights_are_read_without_the_copy_of_their_configuration(tmp_path):
    save_weights(tmp_path / "w.safetensors", {"mean": MEAN, "components": COMPONENTS}, PCA, GRID)
    (tmp_path / "config.json").unlink()
    flux = np.ones((1, PIXELS), "f4")
    flux[0, 1] = 4
    assert load_encoder(tmp_path / "w.safetensors", RUN).embed(flux, flux).tolist() == [[0, 3]]


def test_foreign_safetensors_are_refused(tmp_path):
    save_file({"layer.weight": torch.zeros(3)}, tmp_path / "w.safetensors", metadata={"format": "pt"})
    with pytest.raises(SearchError, match=CANNOT_READ):
        load_encoder(tmp_path / "w.safetensors", RUN)
