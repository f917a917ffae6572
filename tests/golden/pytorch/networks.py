"""The five networks in PyTorch, layer for layer as docs/networks.md has them, of any width.

Written from the paper's tables and PyTorch's own layers, not from the Rust code: where both agree, both are right.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Plane(nn.Module):
    """Convolution over bands and time, padded to the same size; batch norm, ELU, max-pooling, dropout."""

    def __init__(self, inputs, outputs, kernel, pool, dropout=0.0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.pool = nn.MaxPool2d(pool)
        self.dropout = nn.Dropout(dropout)
        (bands, frames) = kernel
        # Before and after, the last axis first; of an even kernel the odd one out goes after.
        self.padding = ((frames - 1) // 2, frames // 2, (bands - 1) // 2, bands // 2)

    def forward(self, x):
        x = x.unsqueeze(1) if x.dim() == 3 else x
        return self.dropout(self.pool(F.elu(self.norm(self.conv(F.pad(x, self.padding))))))

    def ours(self):
        yield from normalised(self.conv, self.norm)


class Time(nn.Module):
    """Convolution over time without padding; batch norm, ELU, max-pooling. One tap is a fully connected layer."""

    def __init__(self, inputs, outputs, kernel=1, pool=1):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.pool = nn.MaxPool1d(pool)

    def forward(self, x):
        x = x.flatten(1, 2) if x.dim() == 4 else x
        return self.pool(F.elu(self.norm(self.conv(x))))

    def ours(self):
        yield from normalised(self.conv, self.norm)


class Gru(nn.Module):
    """All states of a GRU over time."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.gru = nn.GRU(inputs, outputs, batch_first=True)

    def forward(self, x):
        x = x.flatten(1, 2) if x.dim() == 4 else x
        return self.gru(x.transpose(1, 2))[0].transpose(1, 2)

    def ours(self):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            yield name, getattr(self.gru, name + "_l0")


class LastState(nn.Module):
    def forward(self, x):
        return x[:, :, -1:]

    def ours(self):
        yield from ()


class Attention(nn.Module):
    """Mean of the states weighted by softmax(v . tanh(W h + b)) over time (Bahdanau, Cho and Bengio 2014)."""

    def __init__(self, width):
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, x):
        states = x.transpose(1, 2)
        weights = torch.softmax(self.score(torch.tanh(self.hidden(states))), dim=1)
        return (weights * states).sum(1).unsqueeze(2)

    def ours(self):
        yield "weight", self.hidden.weight
        yield "bias", self.hidden.bias
        yield "score", self.score.weight


class Output(nn.Module):
    def __init__(self, inputs, tags):
        super().__init__()
        self.conv = nn.Conv1d(inputs, tags, 1)

    def forward(self, x):
        return self.conv(x.flatten(1, 2) if x.dim() == 4 else x)

    def ours(self):
        yield "weight", self.conv.weight
        yield "bias", self.conv.bias


class Padded(nn.Sequential):
    """Layers behind frames of zeros on both sides."""

    frames = 37

    def forward(self, x):
        return super().forward(F.pad(x, (self.frames, self.frames)))


def normalised(conv, norm):
    yield "weight", conv.weight
    yield "gamma", norm.weight
    yield "beta", norm.bias


def k1c2(a, b, tags, bands=96):
    return nn.Sequential(
        Plane(1, a, (1, 8), (1, 4)),
        Plane(a, a, (1, 8), (1, 5)),
        Plane(a, b, (1, 8), (1, 8)),
        Plane(b, b, (1, 8), (1, 8)),
        Time(b * bands, b),
        Time(b, b),
        Output(b, tags),
    )


def k2c1(a, b, tags, bands=96):
    return nn.Sequential(
        Time(bands, a, 4, 4),
        Time(a, a, 4, 4),
        Time(a, a, 4, 4),
        Time(a, b, 4, 4),
        Time(b, b, 4),
        Time(b, b),
        Time(b, b),
        Output(b, tags),
    )


def k2c2(a, b, c, d, tags):
    return nn.Sequential(
        Plane(1, a, (3, 3), (2, 4)),
        Plane(a, b, (3, 3), (2, 4)),
        Plane(b, b, (3, 3), (2, 4)),
        Plane(b, c, (3, 3), (3, 5)),
        Plane(c, d, (3, 3), (4, 4)),
        Output(d, tags),
    )


def crnn(a, b, tags, attention=False, dropout=0.1):
    return Padded(
        Plane(1, a, (3, 3), (2, 2), dropout),
        Plane(a, b, (3, 3), (3, 3), dropout),
        Plane(b, b, (3, 3), (4, 4), dropout),
        Plane(b, b, (3, 3), (4, 4)),
        Gru(b, a),
        Gru(a, a),
        Attention(a) if attention else LastState(),
        Output(a, tags),
    )


def parameters(network):
    """Its parameters by the names that our files have."""
    return {f"layer{i + 1}.{name}": p for i, layer in enumerate(network) for name, p in layer.ours()}


def norms(network):
    """Its batch norms by the name of their layer."""
    return {f"layer{i + 1}": layer.norm for i, layer in enumerate(network) if hasattr(layer, "norm")}
