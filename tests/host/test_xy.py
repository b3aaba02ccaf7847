"""XY Values and XY Sheet: the graph runs once for each pair, the rest once, and the sheet holds the very pictures."""

import pytest
import torch

from .graphs import Graph, give, saved


def coloured(graph, values, output=0, batch=1):
    """A picture whose grey tells the value."""
    mask = graph.add("SolidMask", value=values[output], width=64, height=32)
    return graph.add("MaskToImage", mask=mask)


def axes(graph, x="0.25, 0.5", y="", x_name="Grey", y_name=""):
    return graph.add("HiresFixXYValues", x_name=x_name, x_values=x, y_name=y_name, y_values=y)


def pictures_of(sheet, columns, rows, size=(64, 32)):
    """The pictures on a sheet, found from its lower right corner."""
    height, width = sheet.shape[1:3]
    found = []
    for row in range(rows):
        y = height - (rows - row) * (size[1] + 8) + 8
        for column in range(columns):
            x = width - (columns - column) * (size[0] + 8) + 8
            found.append(sheet[:, y : y + size[1], x : x + size[0]])
    return found


def test_every_pair_is_drawn_once_and_stands_in_its_place(host, client):
    graph = Graph()
    values = axes(graph, "0.25, 0.5-1 [2]", "0.125, 1", y_name="Share")
    grey = coloured(graph, values)
    other = coloured(graph, values, 1)
    both = graph.add("ImageBlend", image1=grey, image2=other, blend_factor=1.0, blend_mode="multiply")
    sheet = graph.add("HiresFixXYSheet", images=both, axes=values[2])
    _, name = graph.save(image=sheet)
    client.queue(graph).require_success()
    sheet = saved(host, name)["image"]
    expected = [x * y for y in (0.125, 1.0) for x in (0.25, 0.5, 1.0)]
    for picture, value in zip(pictures_of(sheet, 3, 2), expected, strict=True):
        torch.testing.assert_close(picture, torch.full_like(picture, value), rtol=0, atol=1e-6)
    # labels are above and at the left, dark on white
    assert float(sheet[0, :20].min()) < 0.5 < float(sheet[0, :20].max())
    assert float(sheet[0, :, :30].min()) < 0.5


def test_names_reach_a_list_of_files_and_what_does_not_depend_on_them_runs_once(host, client):
    graph = Graph()
    picture = torch.rand(1, 8, 8, 3, generator=torch.Generator().manual_seed(1))
    image = graph.add("ProbeImage", file=give(host, picture=picture), key="picture")
    values = axes(graph, "Nearest, Lanczos", x_name="")
    upscaler = graph.add("HiresFixUpscalerLoader", upscaler_name=values)
    large = graph.add(
        "HiresFixUpscaleImage",
        image=image, upscaler=upscaler, resize_mode="scale by", upscaling_resize=2.0, upscaling_resize_w=16,
        upscaling_resize_h=16, upscaling_crop=True, tile_size=0, tile_overlap=-1,
    )  # fmt: skip
    _, name = graph.save(image=graph.add("HiresFixXYSheet", images=large, axes=values[2]))
    client.queue(graph).require_success()
    nearest, lanczos = pictures_of(saved(host, name)["image"], 2, 1, (16, 16))
    assert torch.equal(nearest[0, ::2, ::2], picture[0])
    assert not torch.equal(nearest, lanczos)


def test_batches_give_a_sheet_for_each_picture(host, client):
    graph = Graph()
    values = axes(graph)
    repeated = graph.add("RepeatImageBatch", image=coloured(graph, values), amount=3)
    _, name = graph.save(image=graph.add("HiresFixXYSheet", images=repeated, axes=values[2]))
    client.queue(graph).require_success()
    assert len(saved(host, name)["image"]) == 3


REFUSED = {
    "": "XY Values, input 'x_values': there is no value.",
    "1-200": "'1-200' stands for 200 values; it may be 1 to 100.",
    "1-60": "60 x 2 = 120 pictures are too many: a sheet has up to 100.",
}


@pytest.mark.parametrize("x", REFUSED)
def test_values_that_make_no_sheet_are_refused(x, client):
    graph = Graph()
    values = axes(graph, x, "1, 2")
    graph.save(image=graph.add("HiresFixXYSheet", images=coloured(graph, values), axes=values[2]))
    assert REFUSED[x] in client.queue(graph).explanation()


def test_pictures_that_do_not_depend_on_the_values_are_refused(host, client):
    graph = Graph()
    image = graph.add("EmptyImage", width=8, height=8, batch_size=1, color=0)
    graph.save(image=graph.add("HiresFixXYSheet", images=image, axes=axes(graph)[2]))
    said = "XY Sheet, input 'images': 1 pictures came for 2 x 1 = 2 pairs of values."
    assert said in client.queue(graph).explanation()
