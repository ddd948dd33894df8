// Charts, where there are any; then what works without them.
const config = JSON.parse(document.getElementById("chart-config")?.textContent ?? "{}");
const drawing = [...document.querySelectorAll("figure.chart")].map((figure) => {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  return vegaEmbed(figure.querySelector(".canvas"), spec, {config, renderer: "svg", actions: false, ast: true})
    .then(() => { figure.dataset.drawn = "yes"; },
          (problem) => { figure.dataset.drawn = "no"; console.error(problem); });
});
Promise.all(drawing).then(() => unfold());
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "copied";
  });
}
for (const form of document.querySelectorAll("form.filter")) {
  const list = form.nextElementSibling;
  const rows = [...list.children];
  const [search, order] = form.querySelectorAll("input[type=search], select");
  const differ = form.querySelector(".differ");
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let seen = 0;
    for (const row of rows) {
      const wanted = words.every((word) => row.dataset.name.includes(word));
      row.hidden = !wanted || (differ?.checked && "same" in row.dataset);
      seen += !row.hidden;
    }
    form.querySelector("output").textContent = `${seen} of ${rows.length} columns`;
  };
  order.addEventListener("change", () => {
    const by = order.value;
    const sorted = [...rows];
    if (by === "name") sorted.sort((a, b) => a.dataset.name.localeCompare(b.dataset.name));
    else if (by) sorted.sort((a, b) => b.dataset[by] - a.dataset[by]);
    list.append(...sorted);
  });
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const each of folded) each.open = true;
});
addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
