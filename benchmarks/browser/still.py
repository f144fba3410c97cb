"""The baseline: a Streamlit page with one component like the builder, that echoes a click."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".builder");
  const button = root.querySelector("button");
  button.onclick = () => {
    root.classList.add("waiting");
    setStateValue("clicks", data.clicks + 1);
  };
  root.querySelector(".number").textContent = data.clicks;
  root.classList.remove("waiting");
}
"""


@st.fragment
def echo() -> None:
    clicks = int(st.session_state.get("echo", {}).get("clicks", 0))
    component(key="echo", data={"clicks": clicks}, on_clicks_change=lambda: None)


component = st.components.v2.component(
    "benchmark.echo",
    html='<div class="builder"><button class="chip">Go</button><span class="number"></span></div>',
    js=SCRIPT,
)
echo()
