"""Large pictures through the VAE in tiles: as in one piece, whatever the tiles and however little memory there is."""

import pytest
import torch

from .graphs import Graph, give, saved

EXACT = 2e-5
"""Of values from 0 to 1; latents of the small network are a few times larger."""

PERIOD = 12
"""Cells. Two fit between the edges of the pieces that norms are measured on, which then are those of the whole."""


def repeated(cells_high, cells_wide, cell, channels, seed=0):
    """A pattern that repeats itself every `PERIOD` cells, `(1, channels, height, width)`: no tile is like the whole."""
    generator = torch.Generator().manual_seed(seed)
    pattern = torch.rand(1, channels, PERIOD, PERIOD, generator=generator)
    pattern[..., PERIOD // 2 :] *= 0.2
    pattern = torch.nn.functional.interpolate(pattern, scale_factor=float(cell)) if cell > 1 else pattern
    high, wide = cells_high * cell, cells_wide * cell
    return pattern.repeat(1, 1, -(-high // pattern.shape[-2]), -(-wide // pattern.shape[-1]))[..., :high, :wide]


def normed_vae(g, models, memory=0):
    return g.add("ProbeNormedVae", vae=loaded_vae(g, models), memory=memory)


def loaded_vae(g, models):
    return g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd3"))[2]


def between_passes(g, latent, image, vae, width, height, tile):
    """Pixel Upscale that keeps the size: decodes the latent, or takes pictures in its place, and encodes."""
    target = g.add("HiresFixTargetSize", width=width, height=height, hr_scale=1.0, hr_resize_x=0, hr_resize_y=0)
    upscaler = g.add("HiresFixUpscalerLoader", upscaler_name="None")
    given = {} if image is None else {"image": image}
    return g.add(
        "HiresFixPixelUpscale", latent=latent, vae=vae, upscaler=upscaler, target=target, tile_size=0, tile_overlap=32,
        vae_tile_size=tile, **given,
    )  # fmt: skip


@pytest.mark.parametrize("tile", [128, 160, 208])
def test_tiles_share_the_norms_of_the_picture(tile, host, client, models):
    """Fails by more than a hundred times the bound where every tile takes its own statistics, as core's tiles show."""
    g, cells = Graph(), (36, 48)
    vae = normed_vae(g, models)
    latent = g.add("ProbeLatent", file=give(host, latent=repeated(*cells, 1, 4) * 4 - 2), key="latent")
    pixels = repeated(*cells, 8, 3).movedim(1, -1)
    image = g.add("ProbeImage", file=give(host, image=pixels), key="image")
    names = {}
    for side in (0, tile):
        names["decoded", side] = g.save(image=between_passes(g, latent, None, vae, 384, 288, side)[1])[1]
        names["encoded", side] = g.save(latent=between_passes(g, latent, image, vae, 384, 288, side))[1]
    core = {"tile_size": tile, "overlap": 16, "temporal_size": 64, "temporal_overlap": 8}
    names["decoded", "core"] = g.save(image=g.add("VAEDecodeTiled", samples=latent, vae=vae, **core))[1]
    names["encoded", "core"] = g.save(latent=g.add("VAEEncodeTiled", pixels=image, vae=vae, **core))[1]
    plain = {"decoded": g.save(image=g.add("VAEDecode", samples=latent, vae=vae))[1]}
    plain["encoded"] = g.save(latent=g.add("VAEEncode", pixels=image, vae=vae))[1]
    client.queue(g).require_success()
    for way, kind in (("decoded", "image"), ("encoded", "latent")):
        expected = saved(host, plain[way])[kind]
        assert torch.equal(saved(host, names[way, 0])[kind], expected), way
        scale = float(expected.std())
        furthest = {
            side: float((saved(host, names[way, side])[kind] - expected).abs().max()) for side in (tile, "core")
        }
        assert furthest[tile] < EXACT * max(1, scale), (way, furthest)
        assert furthest["core"] > 100 * furthest[tile], (way, furthest)


@pytest.mark.parametrize(("memory", "estimated"), [(5000, False), (1200, False), (800, False), (1200, True)])
def test_less_memory_makes_smaller_tiles(memory, estimated, host, client, models):
    """The VAE has room for so many latent cells at once: it goes on where it was, and the result is the same.

    Where its estimates say so, memory never runs out.
    """
    cells = (96, 132)
    pixels = repeated(*cells, 8, 3).movedim(1, -1).repeat(2, 1, 1, 1)
    pixels[1] = pixels[1].flip(0)
    latents = torch.cat([repeated(*cells, 1, 4), repeated(*cells, 1, 4, seed=1)]) * 4 - 2
    results = {}
    for room in (0, memory):
        g = Graph()
        vae = g.add("ProbeNormedVae", vae=loaded_vae(g, models), memory=room, estimated=estimated and room > 0)
        image = g.add("ProbeImage", file=give(host, image=pixels), key="image")
        encoded = g.add("HiresFixEncodeAnySize", image=image, vae=vae)
        latent = g.add("ProbeLatent", file=give(host, latent=latents), key="latent")
        decoded = g.add("HiresFixDecodeToSize", latent=latent, vae=vae, image=image)
        names = g.save(latent=encoded)[1], g.save(image=decoded)[1]
        before = len(host.log())
        run = client.queue(g)
        run.require_success()
        said = host.log()[before:]
        assert ("goes on in tiles of" in said) == (room > 0 and not estimated)
        assert ("works in tiles of" in said) == (room > 0 and estimated)
        assert ("ut of memory" in said) == (room > 0 and not estimated)
        results[room] = [saved(host, names[0])["latent"], saved(host, names[1])["image"]]
    # the pieces that norms are measured on hold whole periods as long as they have 16 cells a side
    for whole, tiled in zip(results[0], results[memory], strict=True):
        assert (whole - tiled).abs().max() < EXACT * max(1, float(whole.std()))
    steps = [(value, most) for name, value, most in run.progress if name == encoded.id and most > 1]
    assert steps[-1][0] == steps[-1][1] == cells[0] * cells[1]
    assert len({value for value, _ in steps}) > 1  # not all reports arrive


def test_too_little_memory_for_any_tile_is_the_host_s_error(host, client, models):
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.rand(1, 128, 128, 3)), key="image")
    g.save(latent=g.add("HiresFixEncodeAnySize", image=image, vae=normed_vae(g, models, memory=20)))
    run = client.queue(g)
    assert run.status == "error"
    # and nothing of the network is left changed
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.rand(1, 128, 128, 3)), key="image")
    g.save(latent=g.add("HiresFixEncodeAnySize", image=image, vae=normed_vae(g, models)))
    client.queue(g).require_success()


def test_a_local_vae_in_tiles_is_the_vae(host, client, models):
    """Sizes that are no multiples of a cell, a batch, 16 channels: through Pixel Upscale's tiles and in one piece."""
    g = Graph()
    vae = loaded_vae(g, models)
    generator = torch.Generator().manual_seed(1)
    file = give(host, latent=torch.rand(2, 16, 20, 27, generator=generator) * 2 - 1)
    latent = g.add("ProbeLatent", file=file, key="latent")
    ways = [between_passes(g, latent, None, vae, 216, 160, tile) for tile in (0, 64, 72)]
    names = [(g.save(latent=way)[1], g.save(image=way[1])[1]) for way in ways]
    client.queue(g).require_success()
    (latents, images), *tiled = [(saved(host, a)["latent"], saved(host, b)["image"]) for a, b in names]
    for own_latents, own_images in tiled:
        assert (own_images - images).abs().max() < EXACT
        assert (own_latents - latents).abs().max() < EXACT


def test_clips_in_tiles_go_the_host_s_way(host, client, models):
    g = Graph()
    facts = models.families["wan"]
    vae = g.add("CheckpointLoaderSimple", ckpt_name=facts.file)[2]
    generator = torch.Generator().manual_seed(2)
    file = give(host, clip=torch.randn(1, facts.latent_channels, 2, 12, 16, generator=generator) * 0.1)
    latent = g.add("ProbeLatent", file=file, key="clip")
    ours = g.save(image=between_passes(g, latent, None, vae, 128, 96, 64)[1])[1]
    core = g.add(
        "VAEDecodeTiled", samples=latent, vae=vae, tile_size=64, overlap=16, temporal_size=4096, temporal_overlap=4
    )
    theirs = g.save(image=core)[1]
    client.queue(g).require_success()
    assert torch.equal(saved(host, ours)["image"], saved(host, theirs)["image"])


def test_small_tiles_share_enough_to_show_no_lines(host, client, models):
    """A trained VAE looks further than a quarter of such a tile: with no more shared it is 54 dB, with lines."""
    g = Graph()
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.demo)[2]
    slopes = torch.linspace(0.2, 0.8, 48 * 8)[:, None, None] * torch.tensor([1.0, 0.8, 0.6])
    picture = g.add("ProbeImage", file=give(host, image=slopes.expand(-1, 64 * 8, 3)[None].contiguous()), key="image")
    latent = g.add("VAEEncode", pixels=picture, vae=vae)
    ways = (between_passes(g, latent, None, vae, 512, 384, tile)[1] for tile in (0, 192))
    names = [g.save(image=way)[1] for way in ways]
    client.queue(g).require_success()
    whole, tiled = (saved(host, name)["image"] for name in names)
    assert (tiled - whole).square().mean().sqrt() < 10 ** (-68 / 20), "68 dB"
