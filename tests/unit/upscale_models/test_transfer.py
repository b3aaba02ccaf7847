"""What is set for CUDA while a model runs in float32; the flags are there without a card, too."""

import pytest
import torch
from hires_pack.upscale_models.tiles.transfer import float32_kept


def flags():
    return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


def test_float32_is_no_tf32_and_nothing_stays_set():
    before = flags()
    assert before[0] == "tf32"  # torch's own choice for convolutions
    with float32_kept(torch.device("cuda", 0)):
        assert flags() == ("ieee", "ieee")
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (False, False)
    assert flags() == before
    with pytest.raises(ZeroDivisionError), float32_kept(torch.device("cuda", 0)):
        1 / 0  # noqa: B018
    assert flags() == before
    assert torch.backends.cudnn.allow_tf32 is True


def test_float32_is_kept_until_the_last_card_is_done():
    """Those that work side by side do not end at the same time."""
    before, cards = flags(), [float32_kept(torch.device("cuda", index)) for index in range(2)]
    for card in cards:
        card.__enter__()
    cards[0].__exit__(None, None, None)
    assert flags() == ("ieee", "ieee")
    cards[1].__exit__(None, None, None)
    assert flags() == before


@pytest.mark.parametrize(("device", "wanted"), [("cuda", False), ("cpu", True)])
def test_flags_stay_where_nothing_is_to_be_kept(device, wanted):
    before = flags()
    with float32_kept(torch.device(device), wanted):
        assert flags() == before


def test_what_another_has_set_in_the_new_way_alone_stays():
    conv, rnn = torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    conv.fp32_precision = "ieee"  # so that torch does not tell the old flag any more
    try:
        with float32_kept(torch.device("cuda")):
            assert flags() == ("ieee", "ieee")
        assert (flags()[0], rnn.fp32_precision) == ("ieee", "tf32")
    finally:
        torch.backends.cudnn.allow_tf32 = True
    assert conv.fp32_precision == "tf32"
