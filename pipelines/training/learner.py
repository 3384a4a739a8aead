"""One training step's forward pass: pictures or conversations in, losses out, through the runtime's own network modules.

Shapes: B samples, m tiles a picture, L tokens of the answer. Images are [B, 384, 384*m], 1.0 = white.
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
from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.targets import MAP_CLASSES, MAP_COLS, MAP_ROWS, Targets, corrupt


@dataclass(frozen=True, slots=True)
class StepResult:
    """Losses and accuracies of one step, all scalar tensors; `exact` is the share of samples answered without a slip.

    Accuracies are teacher forced and count the tokens of answers only.
    """

    loss: Tensor
    text: Tensor
    character_map: Tensor
    balance: Tensor
    accuracy: Tensor
    exact: Tensor
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

    def logits(self, images: Tensor, answer: Tensor, prompt: str) -> tuple[Tensor, Tensor, Tensor]:
        """Predict every token of ``answer`` [B, L] to ``prompt`` about the images, and what follows it.

        Returns logits [B, L + 1, V], the router balance term and the tower's local features.
        """
        sequence, features = self.encode(images)
        embed = self.model.language.model.embed_tokens
        batch = len(images)
        before, after = (torch.tensor(ids, device=images.device) for ids in nano.prompt_ids(prompt))
        parts = [embed(before.expand(batch, -1)), sequence, embed(after.expand(batch, -1)), embed(answer)]
        inputs = torch.cat([part.float() for part in parts], 1)
        states, balance = self.states(inputs)
        start = inputs.shape[1] - answer.shape[1] - 1
        return self.model.language.logits(states[:, start:]), balance, features

    def states(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Run the decoder over embeddings [B, T, E] fp32; return its states and the routers' balance term.

        The blocks are called one by one so that one graph serves all of a kind; one input type keeps it one graph.
        """
        decoder = self.model.language.model
        cos, sin = rope.angles(self.config.language, torch.arange(inputs.shape[1], device=inputs.device))
        balance = torch.zeros((), device=inputs.device)
        x, delta = inputs, None
        for block in decoder.layers:
            routed: list[Routing] = []
            x, delta = block(x, delta, cos, sin, routed=routed)
            for routing in routed:
                balance = balance + load_balance(routing)
        return decoder.norm.behind(x, delta)[1], balance

    def forward(
        self, images: Tensor | None, targets: Targets, prompt: str, recipe: Recipe, *, late: bool
    ) -> StepResult:
        """Losses of one step; ``late`` lowers the weight of the character map.

        Without images the targets are whole conversations, and ``prompt`` is not used.
        """
        noisy = corrupt(targets, recipe.character_noise, recipe.location_noise)
        zero = torch.zeros((), device=noisy.device)
        map_loss, map_accuracy = zero, zero
        if images is None:
            states, balance = self.states(self.model.language.model.embed_tokens(noisy))
            logits = self.model.language.logits(states)
            targets = Targets(targets.tokens[:, 1:], targets.weight[:, 1:], targets.is_location[:, 1:])
        else:
            logits, balance, features = self.logits(images, noisy, prompt)
            if targets.character_map is not None:
                map_loss, map_accuracy = self.map_loss(features, targets.character_map, recipe.map_patches)
        weight = targets.weight
        flat = F.cross_entropy(logits.flatten(0, 1).float(), targets.tokens.flatten(), reduction="none")
        text = (flat * weight.flatten()).sum() / weight.sum()
        with torch.no_grad():
            guess = logits.argmax(-1)
            right = (guess == targets.tokens) | ~targets.asked
            accuracy = 1 - (~right).sum() / targets.asked.sum()
            near = ((guess - targets.tokens).abs() <= 1) & targets.is_location & targets.asked
            location_accuracy = near.sum() / (targets.is_location & targets.asked).sum().clamp(min=1)
        map_weight = recipe.map_weight_late if late else recipe.map_weight
        loss = text + map_weight * map_loss + recipe.balance_weight * balance
        exact = right.all(1).float().mean()
        return StepResult(loss, text, map_loss, balance, accuracy, exact, location_accuracy, map_accuracy)

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
