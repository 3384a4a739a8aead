"""Turns of phrase of the fields: what stands together in papers far more often than chance would put it there.

`S` a symbol, `F` a field, `I` an index, `J` and `K` further indices, `X` a variable, `N` a small number.
"""

from __future__ import annotations

import re
from random import Random

from dsvl2.pipelines.training.formulas.vocabulary import Palette

_TEMPLATES = r"""
F_{I J}F^{I J}  \bar{\psi}\gamma^{I}D_{I}\psi  \bar S S  \frac{1}{2}  \frac{1}{4}  \frac12 m^2 S^2  \Gamma^{I}_{J K}
\Gamma_{J K}^{I}  dx^{I}dx^{J}  \delta(X-X')  \delta_{I J}  \delta^{I}_{J}  \delta^{I J}  \epsilon_{I J K}  \epsilon^{I J}
\varepsilon^{I J K}  \eta_{I J}  \eta^{I J}  g_{I J}  g^{I J}  (1-X)^{N}  (1-X)  (X-Y)  (X+Y)^2  (2\pi)^{N}  (2\pi)^{-3/2}
(X^2+Y^2)  (X^2-Y^2)^{1/2}  (k^2-m^2)  |X-Y|  (n-1)  (N-1)  (2j+1)  (X_1-X_2)  (n+1)!  n!  (N-2)!  \partial_{I}S
\partial^{I}S  \nabla_{I}F^{I}  \nabla^2 S  \partial_{I}\partial^{I}S  \partial_{[I}F_{J]}  F_{(I J)}  \Box S  D_{I}S
\partial\bar{\partial}S  \nabla_{I}\nabla_{J}F  e^{iX Y}  e^{-X^2}  e^{2\pi iX}  e^{-S/2}  e^{i\theta}  e^{S(X)}
e^{-\beta H}  e^{ikx}  e^{-i\omega t}  e^{-2S}  e^{F/N}  q^{n^2/2}  e^{i k\cdot x}  e^{\pm iS}  \dot{S}  \ddot{X}  \dot{X}^2
\dot{X}^{I}  S'  S''  S'^2  \bar{F}_{I}  \hat{F}_{I}  \tilde{F}^{I}  S^*  S^\dagger  F^\dagger F  S^{\dagger}_{I}S_{I}
\bar{S}^{I}  a^\dagger_{I}  a_{I}^{\dagger}a_{J}  \sin^2\theta  \cos^2\theta  \cos\theta  \sin\theta  \sin\theta d\phi
d\theta^2  d\Omega^2  r^2d\Omega^2  \cosh S  \sinh X  \sin(N X)  \ln X  \log X  \log\frac{X}{Y}  \tan\theta  \sin\frac{X}{2}
\frac{X}{Y}  \frac{X^2}{Y^2}  \frac{1}{X}  \frac{1}{X^2}  \frac{1}{2\pi}  \frac{1}{X-Y}  \frac{1}{\sqrt{2}}
\frac{1}{\sqrt{N}}  \frac{S}{N}  \frac{i}{2}  \frac{N}{2}  \frac{1}{N!}  \frac{dX}{dY}  \frac{\partial S}{\partial X}
\frac{\partial^2 S}{\partial X^2}  \frac{\partial S}{\partial X^{I}}  \frac{\partial}{\partial X}  \frac{\delta S}{\delta F}
\frac{d^2X}{dY^2}  \frac{1}{k^2-m^2+i\epsilon}  \frac{X-Y}{X+Y}  \frac{p_{I}p_{J}}{p^2}  \int_0^1 dX  \int dX
\int_0^\infty dX  \int d^4x  \int_{F}  \int\frac{d^dk}{(2\pi)^d}  \int_{-\infty}^{\infty}  \oint\frac{dz}{2\pi i}  \sum_{I}
\sum_{I,J}  \sum_{I=1}^{N}  \sum_{n=0}^{\infty}  \sum_{I=1}^n X_{I}  \prod_{I=1}^{n}  \sum_{I<J}  \sum_{n\neq 0}  \sqrt{X}
\sqrt{-g}  \sqrt{2}  \sqrt{X^2+Y^2}  \sqrt{1-X^2}  \sqrt{g_{I J}}  \sqrt{N}  \sqrt{\frac{X}{Y}}  \sqrt{\pi}
\langle 0|F|0\rangle  \langle S\rangle  \langle F(X)F(Y)\rangle  \langle S|S\rangle  \langle F,F\rangle  [F,S]
[F_{I},F_{J}]  \{F,S\}  \|S\|^2  \|X-Y\|_2^2  \|X\|_{I}  \mathrm{Tr}(F^2)  {\rm Tr}\,F  {\rm tr}(F_{I}F_{J})  X_{I}Y_{I}
X^{I}Y_{I}  X_{1},\ldots,X_{n}  X_1X_2  X_1,X_2  X_{I}^{(N)}  S_{I}^{J}  S^{I}_{J}  S_{I}{}^{J}  F^{I}{}_{J}  F_{I J}{}^{K}
R_{I J K L}  R_{I J}  T_{I J}  T^{I J}  h_{I J}  A_{I}  A_{I}^{a}  f^{abc}  W_{I}  B_{I J}  H_{I J K}  C_{I J}  F(X)  S(X)
S(X,Y)  F(X,t)  f(X)  F(X_1,X_2)  F[S]  S(0)  F(N)  S(X')  F(X;Y)  S(-X)  \Gamma(X+1)  \Gamma(\frac{X}{2})  \zeta(N)
J_{N}(X)  P_n(X)  V(S)  \psi(X)  S_{I}(X)  S^{I}(X,Y)  u(X,t)  p(X|Y)  q(Y|X)  \mathbf{X}  \mathbf{x}
\mathbf{k}\cdot\mathbf{x}  \vec{S}  \vec{X}\cdot\vec{Y}  {\bf p}^2  {\bf x}  \mathbf{W}\mathbf{x}  \mathbf{A}^T\mathbf{A}
\mathbf{x}^\top  F^{-1}  F^{T}  F^{-1}_{I J}  X^{-N}  X^{N}  X^{n-1}  X^{n+1}  X^{2n}  X^{1/2}  S^{-1/2}  X^{I+1}  X^{D-2}
S_{+}  S_{-}  S^{+}S^{-}  S_{\pm}  S^{\pm}_{I}  S_{L}  S_{R}  S_0  S_{0}^{2}  S_{I+1}  S_{I-1}  S_{I,J}  S_{n+1}  S_{(N)}
S^{(N)}  S_{I}^{2}  X_0^2  \alpha'  \lambda_{I}  \gamma_{I}  \gamma^{I}  \gamma_5  \gamma^{I J}  \sigma^{I}  \sigma_{I}
\mathcal{O}(X^{N})  O(X^2)  {\cal O}(\epsilon)  {\cal L}_{I}  \mathcal{N}(0,1)  \mathcal{L}  \mathbb{E}[X]  \mathbb{R}^{n}
\mathbb{R}  \mathbb{Z}_2  {\bf Z}  SU(2)  SU(N)  U(1)  SO(N)  SL(2,{\bf R})  X\in F  X\neq 0  X\to\infty  X>0  i\pi  2\pi i
4\pi G  8\pi G  16\pi^2  \Lambda^2  m^2  p^2  k^2  \hbar  \hbar\omega
"""
TEMPLATES: tuple[str, ...] = tuple(re.split(r"\n|  ", _TEMPLATES.strip()))


def fill(rng: Random, palette: Palette) -> str:
    """One turn of phrase with this formula's symbols."""
    template = rng.choice(TEMPLATES)
    indices = [rng.choice(palette.indices) for _ in range(4)]
    if len(set(palette.indices)) >= 4:
        indices = rng.sample(palette.indices, 4)
    values = dict(zip("IJKL", indices, strict=True)) | {
        "S": rng.choice(palette.symbols), "F": rng.choice(palette.fields), "X": rng.choice(palette.symbols),
        "Y": rng.choice(palette.symbols), "N": rng.choice("1223346n"),
    }  # fmt: skip
    return re.sub(
        r"(?<![A-Za-z\\])([IJKLSFXYN])(?![A-Za-z])", lambda match: " " + values[match.group(1)] + " ", template
    )
