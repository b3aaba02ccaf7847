"""Run by test_demo_checkpoint.py in a process of its own: the host's networks against the narrow ones.

Prints one line of JSON: the largest difference of each, as a share of the deviation of what is compared.
"""

import importlib.util
import json
import sys
import tempfile
from pathlib import Path

COMFYUI, CHECKPOINT = sys.argv[1:]
ROOT = Path(__file__).resolve().parents[2]
sys.argv = [sys.argv[0], "--cpu"]
sys.path.insert(0, COMFYUI)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import comfy.sd  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from comfy.taesd.taesd import TAESD  # noqa: E402

spec = importlib.util.spec_from_file_location("mount", ROOT / "dev" / "mount.py")
mount = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mount)
mount.package()

from hires_pack.dev.demo import checkpoint, sizes, text_encoder  # noqa: E402
from hires_pack.dev.training.demo.narrow_unet import NarrowUNet  # noqa: E402
from hires_pack.dev.training.demo.narrow_vae import NarrowVAE  # noqa: E402


def trained(network, file):
    tensors = checkpoint.read(checkpoint.TRAINED / file)
    network.load_state_dict({name: torch.from_numpy(array).float() for name, array in tensors.items()})
    return network


def difference(found, wanted):
    return float((found - wanted).abs().max() / wanted.std())


@torch.inference_mode()
def compare():
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(CHECKPOINT)
    torch.manual_seed(0)
    result = {}

    tokens = clip.tokenize("three orange trees, red house, blue sky")
    words = clip.encode_from_tokens(tokens)
    numbers = np.array([[number for number, _ in tokens["l"][0]]])
    known = torch.from_numpy(text_encoder.encode(numbers))
    result["text"] = difference(words[..., : sizes.CONTEXT], known)
    result["text beyond"] = float(words[..., sizes.CONTEXT :].abs().max())

    latents, steps = torch.randn(2, 4, 16, 24), torch.tensor([13.0, 700.0])
    unet = trained(NarrowUNet(), checkpoint.UNET)
    wide = model.model.diffusion_model.float()(latents, steps, context=words.expand(2, -1, -1))
    result["unet"] = difference(wide, unet(latents, steps, known.expand(2, -1, -1)))

    small = trained(NarrowVAE(), checkpoint.VAE)
    pictures = torch.rand(1, 64, 96, 3)
    wanted = small.encode(pictures.movedim(-1, 1))
    result["encoder"] = difference(vae.encode(pictures) * sizes.SCALE, wanted)
    latents = 0.5 * torch.randn(1, 4, 8, 12)
    decoded = small.decode(latents).clamp(0, 1)
    result["decoder"] = difference(vae.decode(latents / sizes.SCALE), decoded.movedim(1, -1))
    with tempfile.TemporaryDirectory() as folder:
        preview = TAESD(None, str(checkpoint.write_preview_decoder(Path(folder))))
    result["preview"] = difference(preview.decode(latents).clamp(-1, 1) / 2 + 0.5, decoded)
    return result


sys.stdout.write(json.dumps(compare()) + "\n")
