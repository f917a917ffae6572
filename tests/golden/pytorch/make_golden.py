"""Writes one file per network: weights, and what PyTorch makes of them. See README.md.

Computed in float64 on one thread, so that a run anywhere gives these numbers to far below float32's last digit.
"""

import copy
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

import networks

CLIPS, BANDS, TAGS = 5, 96, 4

# Network, frames and seed. Few channels; kernels, pools and windows are the paper's. k2c1 slides, so it gets two
# windows. The seeds are ones where PyTorch's own float32 gives the gradients (see `agrees`).
CASES = {
    "k1c2": (lambda: networks.k1c2(2, 3, TAGS), 1366, 4),
    "k2c1": (lambda: networks.k2c1(4, 5, TAGS), 1279 + 256, 2),
    "k2c2": (lambda: networks.k2c2(2, 3, 4, 5, TAGS), 1366, 2),
    "crnn": (lambda: networks.crnn(3, 4, TAGS, attention=False, dropout=0.0), 1366, 4),
    "crnn-attention": (lambda: networks.crnn(3, 4, TAGS, attention=True, dropout=0.0), 1366, 5),
}


def codes(count, seed):
    """Bytes by SplitMix64 of a counter: the test makes the same ones, so the input needs no file."""
    with np.errstate(over="ignore"):
        value = np.arange(count, dtype=np.uint64) + np.uint64(seed << 32) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (value ^ (value >> np.uint64(31))) & np.uint64(255)


def draw(network, rng):
    """Weights of the size that training starts from, norms that are neither one nor all of one sign."""
    for name, p in networks.parameters(network).items():
        kind = name.split(".")[1]
        if kind == "gamma":
            values = rng.uniform(0.5, 1.5, p.shape) * rng.choice([1, 1, 1, -1], p.shape)
        elif kind == "beta":
            # Low enough that maxima reach ELU's bend: on its straight part the next norm takes a shift out again, and
            # the gradient of beta is a sum that should be zero.
            values = rng.normal(-1.5, 1, p.shape)
        elif p.dim() > 1:
            values = rng.normal(0, (1.5 / p[0].numel()) ** 0.5, p.shape)
        else:
            values = rng.uniform(-0.5, 0.5, p.shape)
        # Both sides start from the same float32 numbers.
        p.data = torch.from_numpy(values.astype(np.float32).astype(np.float64))
    for norm in networks.norms(network).values():
        channels = norm.num_features
        norm.running_mean = torch.from_numpy(rng.uniform(-0.3, 0.3, channels).astype(np.float32).astype(np.float64))
        norm.running_var = torch.from_numpy(rng.uniform(0.5, 2.0, channels).astype(np.float32).astype(np.float64))


def masked_bce(logits, targets, weights):
    """Over labelled tags only, divided by the sum of their weights."""
    spread = lambda t: t.unsqueeze(2).expand_as(logits)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, spread(targets), weight=spread(weights), reduction="sum"
    )
    return loss / spread(weights).sum()


def numbers(tensor):
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))


def run(network, x, targets, weights):
    """Logits, loss and gradients in evaluation, then in training, which moves the running moments."""
    out = {}
    for mode in ("eval", "train"):
        network.train(mode == "train")
        network.zero_grad()
        logits = network(x)
        loss = masked_bce(logits, targets, weights)
        loss.backward()
        out |= {f"{mode}/logits": logits.detach(), f"{mode}/loss": loss.detach().reshape(1)}
        out |= {f"{mode}/gradients/{name}": p.grad.clone() for name, p in networks.parameters(network).items()}
    return out


def agrees(exact, rough):
    """Whether float32 has every gradient to 6e-5 of the tensor's largest. Where two values of a pooling window are too
    close to tell apart it may pick the other one, and where a gradient is all but zero it is rounding: such a case says
    nothing of who is right."""
    for name, value in exact.items():
        largest = value.abs().max()
        if (rough[name].double() - value).abs().max() > 6e-5 * largest or largest < 1e-4:
            return False
    return True


def golden(make, frames, seed):
    rng = np.random.default_rng(seed)
    network = make().double()
    draw(network, rng)
    x = codes(CLIPS * BANDS * frames, seed).astype(np.float64)
    x = torch.from_numpy((x - 127.5) / 64).reshape(CLIPS, BANDS, frames)
    targets = torch.from_numpy(rng.integers(0, 5, (CLIPS, TAGS)) / 4)
    weights = torch.from_numpy(rng.choice([0.0, 0.5, 1.0, 1.0], (CLIPS, TAGS)))

    out = {"input_frames": np.array([frames], np.int64), "input_seed": np.array([seed], np.int64)}
    out |= {"targets": numbers(targets), "weights": numbers(weights)}
    out |= {f"parameters/{name}": numbers(p) for name, p in networks.parameters(network).items()}
    norms = networks.norms(network)

    def moments(what):
        for name, norm in norms.items():
            out[f"{what}/{name}.running_mean"] = numbers(norm.running_mean)
            out[f"{what}/{name}.running_variance"] = numbers(norm.running_var)

    moments("before")
    rough = run(copy.deepcopy(network).float(), x.float(), targets.float(), weights.float())

    # How many values each channel of a norm has in the batch: PyTorch's running variance divides by one less.
    def count(name):
        def hook(_, inputs):
            out[f"counts/{name}"] = np.array([inputs[0].numel() // inputs[0].shape[1]], np.int64)

        return hook

    for name, norm in norms.items():
        norm.register_forward_pre_hook(count(name))
    exact = run(network, x, targets, weights)
    if not agrees(exact, rough):
        return None
    moments("after")
    return out | {name: numbers(value) for name, value in exact.items()}


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(__file__).parent
    for name, (make, frames, seed) in CASES.items():
        out = golden(make, frames, seed)
        assert out, f"{name}: take another seed than {seed}"
        save_file(out, folder / f"{name}.safetensors", metadata={"torch": torch.__version__})
        print(name, tuple(out["train/logits"].shape), (folder / f"{name}.safetensors").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
