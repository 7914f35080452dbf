"""The plain loop that TRL's path must match: forty lines, no trainer, no accelerate."""

import torch


def logps(model, ids, mask, keep):
    """Log-probabilities (B, T) of the last `keep` tokens, one forward pass, full logits."""
    logits = model(input_ids=ids, attention_mask=mask).logits[:, -keep - 1 : -1]
    return logits.log_softmax(-1).gather(-1, ids[:, -keep:, None])[..., 0]


def loss(model, tensors, *, kind, reference=None, kl=0.0, reverse=False, clip=0.2, longest=1):
    """The clipped policy gradient with a k3 pull to the reference, averaged as `kind` says.

    `reverse`: the ratio is 1 where the policy sampled, but turns the pull's gradient from that of
    KL(reference‖model) into that of KL(model‖reference).
    """
    ids = torch.cat([tensors["prompt_ids"], tensors["completion_ids"]], 1)
    mask = torch.cat([tensors["prompt_mask"], tensors["completion_mask"]], 1)
    now = logps(model, ids, mask, tensors["completion_ids"].size(1))
    ratio = (now - tensors["old_per_token_logps"]).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    each = -torch.min(ratio * tensors["advantages"], clipped * tensors["advantages"])
    if reference is not None:
        with torch.no_grad():
            target = logps(reference, ids, mask, tensors["completion_ids"].size(1))
        pull = (target - now).exp() - (target - now) - 1
        each = each + kl * (ratio * pull if reverse else pull)
    weights = tensors["tool_mask"] * tensors["completion_mask"]
    total = (each * weights).sum()
    return total / (len(ids) * longest if kind == "dr_grpo" else tensors["num_items_in_batch"])


def train(model, source, steps, *, lr, betas=(0.9, 0.99), norm=1.0, **settings):
    """Steps of Adam with the rate falling linearly to 0; yields the loss of each."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, betas=betas, weight_decay=0.0)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = lr * (1 - step / steps)
        found = loss(model, source(step).tensors, **settings)
        optimiser.zero_grad()
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
        optimiser.step()
        yield found.item()
