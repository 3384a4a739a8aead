"""The flags of every command that reads documents with a model: one class, spread over a command's signature.

    @spread
    def ask(words: ..., question: ..., common: Common = COMMON) -> None:
        with common.session() as now:
            settings = common.settings(now)

Typer sees a parameter for each field of Common in the place of `common`. A flag named like a setting overrides it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from dsvl2_cli import options
from dsvl2_cli.session import Session, session

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import SourceOptions
    from dsvl2_cli.inputs import Passwords
    from dsvl2_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Common:
    """What was given on the command line; None means not given."""

    password_file: options.PasswordFile = None
    password_env: options.PasswordEnv = None
    max_megabytes: options.MaxMegabytes = None
    pages: options.PageList = None
    dpi: options.Dpi = None
    text_layer: options.TextLayer = None
    max_pages: options.MaxPages = None
    max_megapixels: options.MaxMegapixels = None
    model: options.ModelName = None
    device: options.Device = None
    dtype: options.Dtype = None
    quant: options.Quant = None
    adapter: options.Adapter = None
    kv: options.Kv = None
    deterministic: options.Deterministic = None
    threads: options.Threads = None
    batch_size: options.BatchSize = None
    as_json: options.Json = False
    page_timeout: options.PageTimeout = None
    progress: options.Progress = None
    offline: options.Offline = None
    quiet: options.Quiet = False
    verbose: options.Verbose = 0
    debug: options.Debug = False

    def session(self) -> AbstractContextManager[Session]:
        """Return the context that the command's body runs in."""
        return session(as_json=self.as_json, verbosity=options.verbosity(self.quiet, self.verbose), debug=self.debug)

    def settings(self, now: Session, **more: str | float | bool | None) -> Settings:
        """Gather the settings from flags (`more` are those of the command alone), variables and files; obey them.

        Raises:
            UsageError, SettingsError: a value of the wrong kind or out of range.
        """
        from dsvl2_cli.settings import Settings, resolve

        known = {key.name for key in fields(Settings)}
        flags = {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.name in known}
        settings = resolve({**flags, **more}).settings
        now.obey(settings)
        return settings

    def passwords(self) -> Passwords:
        """Return where passwords come from."""
        from dsvl2_cli.inputs import Passwords

        return Passwords(self.password_file, self.password_env)

    def source(self, settings: Settings, passwords: Passwords) -> SourceOptions:
        """Return what decides how pages become images.

        Raises:
            PageRangeError: the page list does not parse.
        """
        from dsvl2_cli.opening import source_options

        return source_options(settings, self.pages, passwords)


COMMON = Common()


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in the place of its parameter `common`, one parameter for each field of Common."""
    hints = get_type_hints(Common, include_extras=True)
    ours = {spec.name: (hints[spec.name], spec.default) for spec in fields(Common)}
    own = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        if parameter.name == "common":
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters += [
                inspect.Parameter(name, kind, annotation=annotation, default=default)
                for name, (annotation, default) in ours.items()
                if name not in own.parameters
            ]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def called(**values: Any) -> None:
        shared = {name: values.pop(name) for name in ours if name in values and name not in own.parameters}
        command(**values, common=Common(**shared))

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
