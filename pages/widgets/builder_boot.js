// The component's own script, small because it travels with every answer: it starts the builder,
// whose program arrives once a tab, as a part that the browser keeps (see query_builder.js).

const programs = (globalThis.pregonPrograms ??= new Map()); // hash → module, or the promise of it
const styles = (globalThis.pregonStyles ??= new Map()); // hash → text
const latest = new WeakMap();
const endings = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const { hash, held } = data.parts.program;
  if (!programs.has(hash) && held === null) {
    setTriggerValue("ask", true);
    return undefined;
  }
  if (!programs.has(hash)) programs.set(hash, load(hash, held));
  const draw = (program) => {
    dress(parentElement, hash);
    endings.set(parentElement, program.default(component));
  };
  latest.set(parentElement, component);
  const program = programs.get(hash);
  if (program instanceof Promise) program.then((loaded) => latest.get(parentElement) === component && draw(loaded));
  else draw(program);
  return () => {
    latest.delete(parentElement);
    endings.get(parentElement)?.();
  };
}

// The program's style, once in each place the builder stands.
function dress(parentElement, hash) {
  const worn = parentElement.querySelector("style[data-program]");
  if (worn?.dataset.program === hash) return;
  const style = worn ?? parentElement.appendChild(document.createElement("style"));
  style.dataset.program = hash;
  style.textContent = styles.get(hash);
}

async function load(hash, { script, style }) {
  styles.set(hash, style);
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const program = await import(address);
  URL.revokeObjectURL(address);
  programs.set(hash, program);
  return program;
}
