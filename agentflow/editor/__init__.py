"""The language server: what an editor shows while specs and prompts are written.

Stands beside `cli`: it turns what the operations find into the words of the Language Server Protocol,
https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/

`server` wires requests to the other modules. Of those only the ones named `lsp_*` know the protocol.
"""
