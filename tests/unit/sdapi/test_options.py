"""Settings of A1111's API: what may be set, what a job may set, and the file that keeps them."""

import json

import pytest
from hires_pack.sdapi.errors import ApiError
from hires_pack.sdapi.option_table import DEFAULTS, HONOURED, PLACES, REFUSED
from hires_pack.sdapi.options import Options

CHECKPOINTS = {"small": "sd/small.safetensors", "sd/small.safetensors": "sd/small.safetensors"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "user" / "options.json"


def opened(file):
    return Options(file, CHECKPOINTS.get, lambda: "first.safetensors")


def test_what_is_set_is_there_after_a_restart(file):
    opened(file).set({"CLIP_stop_at_last_layers": 2.0, "sd_model_checkpoint": "small", "eta_ancestral": 0.9})
    values = opened(file).current()
    assert values["CLIP_stop_at_last_layers"] == 2
    assert isinstance(values["CLIP_stop_at_last_layers"], int)
    assert values["sd_model_checkpoint"] == "sd/small.safetensors"
    assert values["eta_ancestral"] == 0.9
    assert {**values, "CLIP_stop_at_last_layers": 1, "sd_model_checkpoint": None, "eta_ancestral": 1.0} == dict(
        DEFAULTS
    )


def test_of_a_request_all_or_nothing_is_kept(file):
    options = opened(file)
    with pytest.raises(ApiError) as refused:
        options.set({"eta_ancestral": 0.9, "no_such_setting": 5})
    assert refused.value.body == {"error": "KeyError", "detail": "", "body": "", "errors": "'no_such_setting'"}
    assert options.current()["eta_ancestral"] == 1.0
    assert not file.exists()


def test_the_whole_list_sent_back_changes_nothing_but_the_checkpoint(file):
    options = opened(file)
    options.set({**options.current(), "sd_model_checkpoint": "small", "sd_checkpoint_hash": "0" * 64})
    assert json.loads(file.read_text()) == {"sd_model_checkpoint": "sd/small.safetensors"}


def test_a_job_has_its_own_settings_and_leaves_those_of_the_server(file):
    options = opened(file)
    options.set({"randn_source": "CPU"})
    values = options.with_overrides({"eta_ancestral": "0.5", "sd_vae": None, "sd_model_checkpoint": "small"})
    assert (values["eta_ancestral"], values["sd_vae"], values["randn_source"]) == (0.5, "Automatic", "CPU")
    assert options.current()["eta_ancestral"] == 1.0
    assert options.with_overrides(None) == options.current()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"CLIP_stop_at_last_layers": "two"}, "is a number, not 'two'"),
        ({"eta_ancestral": float("nan")}, "is a number"),
        ({"img2img_fix_steps": "perhaps"}, "is true or false"),
        ({"sd_model_checkpoint": "gone"}, "model 'gone' not found"),
        ({"sd_model_checkpoint": ["small"]}, "not found"),
        ({"token_merging_ratio": 0.5}, "cannot be carried out here, only 0.0"),
        ({"outdir_samples": "/etc"}, "names a folder"),
        ({"font": "x" * 20_000}, "longer than"),
    ],
)
def test_what_does_not_fit_or_cannot_be_done_is_refused_in_a_sentence(file, change, says):
    for attempt in (opened(file).set, opened(file).with_overrides):
        with pytest.raises(ApiError) as refused:
            attempt(change)
        assert says in refused.value.body["errors"] + refused.value.body["detail"]
    assert not file.exists()


@pytest.mark.parametrize("name", sorted(REFUSED | PLACES))
def test_what_cannot_be_done_may_be_sent_at_its_default(file, name):
    opened(file).set({name: DEFAULTS[name]})
    assert not file.exists()


def test_a_file_that_cannot_be_read_leaves_the_defaults(file, caplog):
    file.parent.mkdir()
    for text in ("{", "[]", '{"unknown": 1}'):
        file.write_text(text)
        assert opened(file).current() == {**DEFAULTS, "sd_model_checkpoint": "first.safetensors"}


def test_settings_are_honoured_or_refused_not_both():
    assert not HONOURED & (REFUSED | PLACES)
    assert DEFAULTS.keys() >= HONOURED | REFUSED | PLACES
