"""Stage 4: `Graph -> Compiled`. One module per kind of payload, one for the policies, one to assemble."""

from agentflow.compiler.render.manifest import render, rendering_problems

__all__ = ["render", "rendering_problems"]
