"""The toy backbone in PyTorch."""

import torch

from mfbench_torch.models.edges import Edges
from mfbench_torch.models.leaves import geometry_leaves


def start(params, config, geometry, *, forces=False):
    return geometry_leaves(geometry, forces=forces)


def network(params, config, batch, leaves):
    direction, basis, _ = leaves.tensors
    edges, elements = Edges(batch, direction), batch.elements.T
    sent = edges.gather(elements)[:, None] * torch.stack([basis, basis], 1)[None]
    around = edges.scatter(sent).flatten(0, 1) / config.avg_num_neighbors
    seen = torch.cat([elements, around])
    body = torch.tanh(params["body.weight"].T @ seen / len(seen) ** 0.5)
    hidden = torch.tanh(params["readouts.linear_1.weight"].T @ body / config.channels**0.5)
    output = params["readouts.linear_2.weight"].T @ hidden / config.readout_width**0.5
    return config.scale * output[0] + config.shift, torch.cat([body, hidden])
