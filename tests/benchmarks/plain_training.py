"""The same training as a user would write it: float32, each PNG opened and transformed anew in every epoch.

cd PROJECT; python -m tests.benchmarks.plain_training {dataset,imagefolder}     # prints a JSON line an epoch
"""

import json
import sys
import time

import pandas as pd
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from stages.common.settings import load_params
from stages.network.architecture import chosen
from stages.network.architectures.cnn import Settings

PREPARE = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


class Pictures(Dataset[tuple[Tensor, int]]):
    """The images of a part of the split table."""

    def __init__(self, part: str) -> None:
        rows = pd.read_parquet("data/splits.parquet")
        self.rows = rows[rows["part"] == part]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        row = self.rows.iloc[index]
        return PREPARE(Image.open(f"data/images/{row['path']}").convert("RGB")), int(row["label"] == "malicious")


def network(settings: Settings) -> nn.Sequential:
    """The network of stages/network/architectures/cnn.py with ReLU before pooling, and its mixed initialisation."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers.append(nn.Flatten())
    width = 128 * 28 * 28
    for hidden in settings.hidden:
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        width = hidden
    net = nn.Sequential(*layers, nn.Linear(width, 2))
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
    return net


def main(kind: str) -> None:
    """Train and print images a second of training, loading included, and loss and AUC on val after each epoch."""
    params = load_params()
    settings = params.train
    torch.manual_seed(settings.seed)
    parts: list[Dataset] = [
        Pictures(part) if kind == "dataset" else ImageFolder(f"data/parts/{part}", PREPARE) for part in ("train", "val")
    ]
    workers = {"dataset": 0, "imagefolder": 2}[kind]
    train = DataLoader(parts[0], settings.batch_size, shuffle=True, num_workers=workers)
    val = DataLoader(parts[1], settings.batch_size, num_workers=workers)
    net, criterion = network(chosen(params.model)[1]), nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    for _ in range(settings.epochs):
        started, seen = time.perf_counter(), 0
        net.train()
        for images, labels in train:
            optimizer.zero_grad()
            criterion(net(images), labels).backward()
            if settings.gradient_clip:
                nn.utils.clip_grad_norm_(net.parameters(), settings.gradient_clip)
            optimizer.step()
            seen += len(labels)
        speed = seen / (time.perf_counter() - started)
        net.eval()
        with torch.no_grad():
            answers = [(net(images), labels) for images, labels in val]
        logits, truth = (torch.cat(each) for each in zip(*answers, strict=True))
        loss, auc = criterion(logits, truth).item(), roc_auc_score(truth, logits.softmax(1)[:, 1])
        print(json.dumps({"images_per_second": speed, "val_loss": loss, "val_auc": float(auc)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
