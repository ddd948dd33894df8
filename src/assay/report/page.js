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
