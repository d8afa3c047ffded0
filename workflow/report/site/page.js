// Search and filters of the table of findings; without them the whole table is there.
(() => {
  const form = document.querySelector(".filter");
  if (!form) return;
  form.hidden = false;
  const rows = [...document.querySelectorAll(".findings tbody tr")];
  const none = document.querySelector(".nothing");
  const show = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const word = form.elements.word.value, section = form.elements.section.value;
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every((each) => text.includes(each)) && (!word || row.dataset.word === word) && (!section || row.dataset.section === section));
      left += !row.hidden;
    }
    none.hidden = left > 0;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
})();

// The margin of a claim, moved: which word it would have given. Without it the words are a list.
(() => {
  const place = document.querySelector(".margins");
  if (!place) return;
  const slider = place.querySelector("input"), output = place.querySelector("output");
  const parts = JSON.parse(place.dataset.parts), words = [...place.querySelectorAll("li")];
  const told = ([margin, scale, words], times) => {
    const size = Number((scale === "ratio" ? margin ** times : margin * times).toPrecision(2));
    const text = words.replace("{n}", size);
    return size === 1 ? text.replace(/s$/, "") : text;
  };
  const show = () => {
    const at = Number(slider.value), found = words.find((word) => at <= Number(word.dataset.high)) ?? words.at(-1);
    for (const word of words) word.classList.toggle("on", word === found);
    output.textContent = `δ = ${parts.map((part) => told(part, 10 ** at)).join("; ")}: ${found.querySelector("b").textContent}`;
  };
  for (const each of [slider, output]) each.hidden = false;
  slider.addEventListener("input", show);
  show();
})();
