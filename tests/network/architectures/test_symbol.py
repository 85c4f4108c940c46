import torch

from stages.network.architectures.symbol import Settings, build
from stages.network.modules import BYTES


def batch(count: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-1, 2, (count, 8, BYTES), dtype=torch.int8, generator=generator)


def test_dark_and_light_are_told_apart_from_none() -> None:
    torch.manual_seed(0)
    net = build(Settings()).eval()
    modules = batch(1)
    for other in (-modules, modules.clamp(min=0), torch.zeros_like(modules)):
        assert not torch.allclose(net(modules), net(other))


def test_its_file_stays_below_10_mb() -> None:
    assert sum(weight.numel() for weight in build(Settings()).state_dict().values()) * 4 < 10 * 10**6


def test_the_place_of_a_byte_counts() -> None:
    torch.manual_seed(0)
    net = build(Settings()).eval()
    one, other = torch.zeros(2, 1, 8, BYTES, dtype=torch.int8)
    one[0, :, 20] = other[0, :, 60] = 1
    assert not torch.allclose(net(one), net(other))


def test_it_can_overfit_a_batch() -> None:
    torch.manual_seed(0)
    net = build(Settings(width=8, dropout=0.0))
    labels = torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = torch.nn.functional.cross_entropy(net(batch()), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
