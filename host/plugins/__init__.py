"""What other packs bring: upscalers, and functions that are called before a pass samples.

`door` is the module that they see, under the name `hires_fix_plugins`; docs/plugins.md describes it. `upscalers` and
`hooks` hold what is registered. May import `hires`, `upscale_models` and `host`'s memory, no other room of `host`.
"""
