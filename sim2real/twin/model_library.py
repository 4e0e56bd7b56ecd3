"""The shared library of kinematics and dynamics that robots before version 10 of the interface send to libfranka.

libfranka loads what it is sent and calls thirty functions by name: O_T_J1 to J9 (poses; J8 flange, J9 ee), O_J_J1 to J9 and
Ji_J_J1 to J9 (Jacobians 6x7, column-major, in the directions of the base and of the frame), and M_NE, c_NE, g_NE (mass matrix,
Coriolis and gravity torques, by the recursion of Newton and Euler). Here they are compiled from the scene's own arm.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import mujoco
import numpy as np

from sim2real.twin.arm_model import FLANGE, LINKS, ArmModel

_CODE = r"""
#include <math.h>
#include <string.h>
typedef struct { double R[9], p[3]; } Frame;              /* R row-major */
typedef struct { double m, c[3], I[9]; } Body;            /* centre of mass and inertia there, in the link's directions */
static const Frame ORIGIN[7] = {@ORIGINS@};
static const Body BODY[7] = {@BODIES@};
static const double FLANGE = @FLANGE@;

static void mat(const double *a, const double *b, double *out) {
  for (int i = 0; i < 3; i++) for (int j = 0; j < 3; j++)
    out[3*i+j] = a[3*i]*b[j] + a[3*i+1]*b[3+j] + a[3*i+2]*b[6+j];
}
static void vec(const double *a, const double *v, double *out) {
  for (int i = 0; i < 3; i++) out[i] = a[3*i]*v[0] + a[3*i+1]*v[1] + a[3*i+2]*v[2];
}
static void cross_add(const double *a, const double *b, double *out) {
  out[0] += a[1]*b[2] - a[2]*b[1]; out[1] += a[2]*b[0] - a[0]*b[2]; out[2] += a[0]*b[1] - a[1]*b[0];
}
static double dot(const double *a, const double *b) { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2]; }
static Frame then(Frame a, Frame b) {
  Frame out; mat(a.R, b.R, out.R); vec(a.R, b.p, out.p);
  for (int i = 0; i < 3; i++) out.p[i] += a.p[i];
  return out;
}
static void links(const double *q, Frame *T) {            /* T[0] to T[6]: the frames of the seven links */
  for (int i = 0; i < 7; i++) {
    double c = cos(q[i]), s = sin(q[i]);
    Frame turn = {{c, -s, 0, s, c, 0, 0, 0, 1}, {0, 0, 0}};
    Frame here = then(ORIGIN[i], turn);
    T[i] = i ? then(T[i-1], here) : here;
  }
}
static Frame frame(const double *q, int n, const double *F_T_EE, Frame *T) {
  links(q, T);
  if (n <= 7) return T[n-1];
  Frame flange = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, FLANGE}};
  flange = then(T[6], flange);
  if (n == 8) return flange;
  Frame ee;
  for (int i = 0; i < 3; i++) { ee.p[i] = F_T_EE[12+i]; for (int j = 0; j < 3; j++) ee.R[3*i+j] = F_T_EE[4*j+i]; }
  return then(flange, ee);
}
static void pose(const double *q, int n, const double *F_T_EE, double *out) {
  Frame T[7], f = frame(q, n, F_T_EE, T);
  memset(out, 0, 16 * sizeof(double));
  for (int j = 0; j < 3; j++) { out[12+j] = f.p[j]; for (int i = 0; i < 3; i++) out[4*j+i] = f.R[3*i+j]; }
  out[15] = 1;
}
static void jacobian(const double *q, int n, const double *F_T_EE, int body, double *out) {
  Frame T[7], f = frame(q, n, F_T_EE, T);
  memset(out, 0, 42 * sizeof(double));
  for (int i = 0; i < 7 && i < n; i++) {
    double z[3] = {T[i].R[2], T[i].R[5], T[i].R[8]}, r[3], v[3] = {0, 0, 0};
    for (int k = 0; k < 3; k++) r[k] = f.p[k] - T[i].p[k];
    cross_add(z, r, v);
    for (int k = 0; k < 3; k++) {
      double col_v = v[k], col_w = z[k];
      if (body) { col_v = col_w = 0; for (int j = 0; j < 3; j++) { col_v += f.R[3*j+k]*v[j]; col_w += f.R[3*j+k]*z[j]; } }
      out[6*i+k] = col_v; out[6*i+3+k] = col_w;
    }
  }
}
static void torques(const double *q, const double *dq, const double *ddq, const double *gravity,
                    const double *I_load, double m_load, const double *F_x_Cload, double *out) {
  Frame T[7]; links(q, T);
  double w[3] = {0}, alpha[3] = {0}, a[3] = {-gravity[0], -gravity[1], -gravity[2]}, before[3] = {0};
  double force[8][3], moment[8][3], at[8][3];
  for (int i = 0; i < 8; i++) {                           /* the eighth body is the load, fixed to the seventh link */
    const Frame *f = &T[i < 7 ? i : 6];
    Body b;
    if (i < 7) {
      b = BODY[i];
      double r[3], wr[3] = {0}, z[3] = {f->R[2], f->R[5], f->R[8]}, zdq[3];
      for (int k = 0; k < 3; k++) { r[k] = f->p[k] - before[k]; before[k] = f->p[k]; zdq[k] = z[k]*dq[i]; }
      cross_add(w, r, wr); cross_add(alpha, r, a); cross_add(w, wr, a);
      cross_add(w, zdq, alpha);
      for (int k = 0; k < 3; k++) { alpha[k] += z[k]*ddq[i]; w[k] += zdq[k]; }
    } else {
      b.m = m_load;
      for (int k = 0; k < 3; k++) b.c[k] = F_x_Cload[k] + (k == 2 ? FLANGE : 0);
      for (int k = 0; k < 9; k++) b.I[k] = I_load[k];
    }
    double d[3], wd[3] = {0}, ac[3] = {a[0], a[1], a[2]}, RI[9], Rt[9], I[9], Iw[3], Ia[3];
    vec(f->R, b.c, d); cross_add(w, d, wd); cross_add(alpha, d, ac); cross_add(w, wd, ac);
    for (int r = 0; r < 3; r++) for (int c = 0; c < 3; c++) Rt[3*r+c] = f->R[3*c+r];
    mat(f->R, b.I, RI); mat(RI, Rt, I); vec(I, w, Iw); vec(I, alpha, Ia);
    for (int k = 0; k < 3; k++) { force[i][k] = b.m*ac[k]; moment[i][k] = Ia[k]; at[i][k] = f->p[k] + d[k]; }
    cross_add(w, Iw, moment[i]);
  }
  for (int i = 0; i < 7; i++) {
    double z[3] = {T[i].R[2], T[i].R[5], T[i].R[8]}, sum[3] = {0};
    for (int k = i; k < 8; k++) {
      double r[3] = {at[k][0]-T[i].p[0], at[k][1]-T[i].p[1], at[k][2]-T[i].p[2]};
      cross_add(r, force[k], sum);
      for (int j = 0; j < 3; j++) sum[j] += moment[k][j];
    }
    out[i] = dot(z, sum);
  }
}
static const double NONE[9] = {0};
void M_NE(const double *q, const double *I, double m, const double *c, double *out) {
  for (int j = 0; j < 7; j++) { double e[7] = {0}; e[j] = 1; torques(q, NONE, e, NONE, I, m, c, out + 7*j); }
}
void c_NE(const double *q, const double *dq, const double *I, double m, const double *c, double *out) {
  torques(q, dq, NONE, NONE, I, m, c, out);
}
void g_NE(const double *q, const double *g, double m, const double *c, double *out) {
  torques(q, NONE, NONE, g, NONE, m, c, out);
}
@FUNCTIONS@
"""


@cache
def model_library() -> bytes:
    """The library as a Linux x86-64 ELF file.

    Raises:
        RuntimeError: no C compiler, or it failed.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("robots before interface version 10 send a compiled library: install a C compiler (apt-get install gcc)")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.c"), Path(folder, "model.so")
        source.write_text(_source())
        done = subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", target, source, "-lm"], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{compiler} failed on the robot's model library: {done.stderr}")
        return target.read_bytes()


def _source() -> str:
    model = ArmModel().model
    origins, bodies = [], []
    for name in LINKS:
        body = model.body(name)
        origins.append(f"{{{{{_row(_mat(body.quat))}}}, {{{_row(body.pos)}}}}}")
        turn = _mat(body.iquat)
        inertia = turn @ np.diag(body.inertia) @ turn.T
        bodies.append(f"{{{float(body.mass[0])!r}, {{{_row(body.ipos)}}}, {{{_row(inertia)}}}}}")
    functions = []
    for n in range(1, 10):
        ee, given = (", const double *F_T_EE", "F_T_EE") if n == 9 else ("", "0")
        functions.append(f"void O_T_J{n}(const double *q{ee}, double *out) {{ pose(q, {n}, {given}, out); }}")
        for name, body_frame in (("O_J_J", 0), ("Ji_J_J", 1)):
            if n == 1:  # does not depend on the joints
                functions.append(f"void {name}1(double *out) {{ jacobian(NONE, 1, 0, {body_frame}, out); }}")
            else:
                functions.append(
                    f"void {name}{n}(const double *q{ee}, double *out) {{ jacobian(q, {n}, {given}, {body_frame}, out); }}"
                )
    return (
        _CODE.replace("@ORIGINS@", ",\n".join(origins))
        .replace("@BODIES@", ",\n".join(bodies))
        .replace("@FLANGE@", repr(FLANGE))
        .replace("@FUNCTIONS@", "\n".join(functions))
    )


def _mat(quat: np.ndarray) -> np.ndarray:
    flat = np.zeros(9)
    mujoco.mju_quat2Mat(flat, quat)
    return flat.reshape(3, 3)


def _row(values: np.ndarray) -> str:
    return ", ".join(repr(float(v)) for v in np.ravel(values))
