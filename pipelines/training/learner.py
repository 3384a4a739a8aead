"""One training step's forward pass: degraded bands in, losses out, through the runtime's own network modules.

Shapes: B bands, m tiles a band, L tokens of the answer. Images are [B, 384, 384*m], 1.0 = white.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.model import layout, rope
from dsvl2.model.config import ModelConfig
from dsvl2.model.moe import Routing
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.charset import CHARACTERS
from dsvl2.pipelines.training.recipe import Recipe

MAP_ROWS, MAP_COLS = 2, 4  # cells a 16 px patch: 8 px high, 4 px wide
MAP_CLASSES = len(CHARACTERS) + 1  # 0 = nothing here


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should be read as, on the device.

    tokens [B, L] int64 (answer and eos, padded), is_location [B, L] bool, character_map [B, m, patches, cells] int64.
    """

    tokens: Tensor
    is_location: Tensor
    character_map: Tensor


@dataclass(frozen=True, slots=True)
class StepResult:
    """Losses and accuracies of one step, all scalar tensors."""

    loss: Tensor
    text: Tensor
    character_map: Tensor
    balance: Tensor
    accuracy: Tensor
    location_accuracy: Tensor
    map_accuracy: Tensor


class Learner(nn.Module):
    """The network with the training-only character map on top of the tower."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = DeepseekVL2(config)
        width = config.vision.width
        self.grid = config.vision.image_size // config.vision.patch_size
        self.character_map = nn.Linear(width, MAP_ROWS * MAP_COLS * MAP_CLASSES)
        before, after = nano.prompt_ids()
        self.register_buffer("before", torch.tensor(before), persistent=False)
        self.register_buffer("after", torch.tensor(after), persistent=False)
        initialise(self)

    def views(self, images: Tensor) -> Tensor:
        """Cut bands [B,384,384m] into [B, tiles, 384, 384], the global view first; m = 1 has one tile for both."""
        batch, size, width = images.shape
        columns = width // size
        local = images.view(batch, size, columns, size).transpose(1, 2)
        if columns == 1:
            return local
        height = round(size / columns)
        small = F.interpolate(images[:, None], size=(height, size), mode="bicubic", antialias=True)[:, 0].clamp(0, 1)
        top = round((size - height) * 0.5)
        overview = F.pad(small, (0, 0, top, size - height - top), value=nano.WHITE)
        return torch.cat([overview[:, None], local], 1)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return image embeddings [B, n, E] (spec 4.6) and the tower's local features [B, m, tokens, width]."""
        views = (self.views(images) - nano.WHITE) / nano.SPREAD
        batch, tiles = views.shape[:2]
        features = self.model.vision(views.flatten(0, 1)[:, None].expand(-1, 3, -1, -1))
        projected = self.model.projector(features).unflatten(0, (batch, tiles))
        columns = images.shape[2] // images.shape[1]
        sequence = layout.assemble(projected, columns, 1, self.model.image_newline, self.model.view_seperator)
        return sequence, features.unflatten(0, (batch, tiles))[:, -columns:]

    def logits(self, images: Tensor, answer: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict every token of ``answer`` [B, L] and what follows it.

        Returns logits [B, L + 1, V], the router balance term and the tower's local features.
        """
        sequence, features = self.encode(images)
        embed = self.model.language.model.embed_tokens
        batch = len(images)
        parts = [
            embed(self.get_buffer("before").expand(batch, -1)),
            sequence,
            embed(self.get_buffer("after").expand(batch, -1)),
            embed(answer),
        ]
        inputs = torch.cat([part.to(sequence.dtype) for part in parts], 1)
        states, balance = self.states(inputs)
        start = inputs.shape[1] - answer.shape[1] - 1
        return self.model.language.logits(states[:, start:]), balance, features

    def states(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Run the decoder over embeddings [B, T, E]; return its states and the routers' balance term.

        The blocks are called one by one so that each can be compiled once for all of them.
        """
        decoder = self.model.language.model
        cos, sin = rope.angles(self.config.language, torch.arange(inputs.shape[1], device=inputs.device))
        balance = torch.zeros((), device=inputs.device)
        x = inputs
        for block in decoder.layers:
            routed: list[Routing] = []
            x = block(x, cos, sin, routed=routed)
            for routing in routed:
                balance = balance + load_balance(routing)
        return decoder.norm(x), balance

    def forward(self, images: Tensor, batch: Targets, recipe: Recipe, *, late: bool) -> StepResult:
        """Losses of one step; ``late`` lowers the weight of the character map."""
        noisy = corrupt(batch, recipe)
        logits, balance, features = self.logits(images, noisy)
        targets = batch.tokens
        weight = (targets != nano.PAD).float() * (1 + (recipe.location_weight - 1) * batch.is_location.float())
        flat = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
        text = (flat * weight.flatten()).sum() / weight.sum()
        map_loss, map_accuracy = self.map_loss(features, batch.character_map, recipe.map_patches)
        map_weight = recipe.map_weight_late if late else recipe.map_weight
        with torch.no_grad():
            guess = logits.argmax(-1)
            real = targets != nano.PAD
            accuracy = ((guess == targets) & real).sum() / real.sum()
            near = ((guess - targets).abs() <= 1) & batch.is_location
            location_accuracy = near.sum() / batch.is_location.sum().clamp(min=1)
        loss = text + map_weight * map_loss + recipe.balance_weight * balance
        return StepResult(loss, text, map_loss, balance, accuracy, location_accuracy, map_accuracy)

    def map_loss(self, features: Tensor, labels: Tensor, patches: int) -> tuple[Tensor, Tensor]:
        """Cross entropy of the character map on a random draw of patches a tile.

        features [B, m, P, width]; labels [B, m, P, cells] with class 0 = blank.
        """
        features, labels = features.flatten(0, 1), labels.flatten(0, 1)
        draw = torch.randint(0, features.shape[1], (len(features), patches), device=features.device)
        chosen = features.gather(1, draw[..., None].expand(-1, -1, features.shape[-1]))
        truth = labels.gather(1, draw[..., None].expand(-1, -1, labels.shape[-1])).flatten()
        logits = self.character_map(chosen).reshape(-1, MAP_CLASSES).float()
        weight = torch.ones(MAP_CLASSES, device=logits.device)
        weight[0] = 0.3  # most cells are blank
        loss = F.cross_entropy(logits, truth, weight=weight)
        with torch.no_grad():
            ink = truth > 0
            accuracy = ((logits.argmax(-1) == truth) & ink).sum() / ink.sum().clamp(min=1)
        return loss, accuracy


def load_balance(routing: Routing) -> Tensor:
    """Experts times the sum over experts of (share of tokens) * (mean score): 1 when all are used alike."""
    count = routing.scores.shape[1]
    used = torch.zeros_like(routing.scores).scatter(1, routing.idx, 1.0).mean(0) / routing.idx.shape[1]
    return count * (used * routing.scores.mean(0)).sum()


def corrupt(batch: Targets, recipe: Recipe) -> Tensor:
    """Input tokens [B, L-1]: some characters replaced, some locations off by one, so that slips are survived."""
    tokens = batch.tokens[:, :-1]
    location = batch.is_location[:, :-1]
    draw = torch.rand(tokens.shape, device=tokens.device)
    characters = torch.randint(nano.FIRST_CHARACTER, nano.FIRST_LOCATION, tokens.shape, device=tokens.device)
    real = (tokens >= nano.FIRST_CHARACTER) & ~location
    noisy = torch.where((draw < recipe.character_noise) & real, characters, tokens)
    step = torch.randint(0, 2, tokens.shape, device=tokens.device) * 2 - 1
    last = nano.FIRST_LOCATION + nano.LOCATION_BINS - 1
    moved = (tokens + step).clamp(nano.FIRST_LOCATION, last)
    return torch.where((draw < recipe.location_noise) & location, moved, noisy)


def character_labels(points: Tensor, classes: Tensor, columns: int, grid: int) -> Tensor:
    """Classes of the characters whose centres lie in each cell: [B, m, grid*grid, cells]; 0 where none does.

    points [B,N,2] in canvas px (x < 0 = padding), classes [B,N] from 1.
    """
    batch = len(points)
    rows, cols = grid * MAP_ROWS, grid * MAP_COLS * columns
    cell = nano.TILE // grid
    column = (points[..., 0] * MAP_COLS / cell).floor().long()
    row = (points[..., 1] * MAP_ROWS / cell).floor().long()
    inside = (points[..., 0] >= 0) & (column >= 0) & (column < cols) & (row >= 0) & (row < rows)
    index = torch.where(inside, row * cols + column, rows * cols)
    labels = torch.zeros(batch, rows * cols + 1, dtype=torch.long, device=points.device)
    labels = labels.scatter(1, index, classes.long().clamp(min=0))[:, :-1]
    cells = labels.view(batch, grid, MAP_ROWS, columns, grid, MAP_COLS).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(batch, columns, grid * grid, MAP_ROWS * MAP_COLS)


def initialise(learner: Learner) -> None:
    """Start small: residual branches at zero, smooth position and location embeddings."""
    for name, parameter in learner.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() >= 2 and "norm" not in name:
            nn.init.normal_(parameter, std=min(0.05, parameter.shape[-1] ** -0.5))
    model = learner.model
    patch = model.vision.patch_embed.proj.weight
    nn.init.normal_(patch, std=(patch[0, 0].numel() ** -0.5) / 3)
    with torch.no_grad():
        patch.copy_(patch[:, :1].expand_as(patch))  # grey input: the three channels stay equal
    nn.init.normal_(model.language.model.embed_tokens.weight, std=0.5)
    nn.init.normal_(model.language.lm_head.weight, std=0.01)
    nn.init.normal_(model.image_newline, std=0.02)
    nn.init.normal_(model.view_seperator, std=0.02)
    closing = ("attn.proj.weight", "mlp.fc2.weight", "o_proj.weight", "down_proj.weight", "down_proj")
    for name, parameter in learner.named_parameters():
        if name.endswith(closing):
            nn.init.zeros_(parameter)
    with torch.no_grad():
        width = model.vision.pos_embed.shape[-1]
        wave = _waves(torch.arange(learner.grid), width // 2, 100.0, 1.5)  # [g, W/2]
        g = learner.grid
        both = [wave[:, None].expand(g, g, -1), wave[None].expand(g, g, -1)]
        model.vision.pos_embed.copy_(torch.cat(both, -1).reshape(1, g * g, width) * 0.35)
        embed = model.language.model.embed_tokens.weight
        places = _waves(torch.arange(nano.LOCATION_BINS), embed.shape[1], 40.0, 1.0) * 0.7
        embed[nano.FIRST_LOCATION : nano.FIRST_LOCATION + nano.LOCATION_BINS] = places


def _waves(index: Tensor, width: int, period: float, speed: float) -> Tensor:
    """Sine-cosine features [n, width] of integer positions."""
    half = width // 2
    angle = index.float()[:, None] * speed / period ** (torch.arange(half).float() / half)
    return torch.cat([angle.sin(), angle.cos()], 1)
