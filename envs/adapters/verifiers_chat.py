# The library lives in an environment of its own (.ci/outside.sh), so types are not found here.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false
"""A harness of verifiers that asks a model once a turn, in this process, and does nothing else."""

from __future__ import annotations

from typing import Any

import aiohttp
import verifiers.v1 as vf
from verifiers.v1.dialects.chat import message_to_wire

SECONDS = 600
"""For one reply of a model."""


class ChatConfig(vf.HarnessConfig):
    """Settings of `Chat`."""


class Chat(vf.Harness[ChatConfig]):
    """Asks the model once a turn, in this process, without tools or a program of its own."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        system, prompt = self.resolve_prompt(data)
        messages: list[dict[str, Any]] = []
        if system:
            messages.append({"role": "system", "content": system})
        if isinstance(prompt, str):
            messages.append({"role": "user", "content": prompt})
        else:
            messages += [message_to_wire(message) for message in prompt or []]

        # through the endpoint that it was given: that is where the trace is written
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                f"{endpoint}/chat/completions",
                json={"model": ctx.model, "messages": messages, **self.beside(trace)},
                headers={"Authorization": f"Bearer {secret}"},
            ) as answer,
        ):
            said = await answer.text()
            return vf.ProgramResult(exit_code=int(answer.status >= 400), stdout="", stderr=said)

    def beside(self, trace: vf.Trace) -> dict[str, Any]:
        """Further fields of the request."""
        return {}
