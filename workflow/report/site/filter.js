// Search and filters of the table of findings; without them the whole table is there.
(() => {
  const form = document.querySelector(".filter");
  if (!form) return;
  form.hidden = false;
  const rows = [...document.querySelectorAll(".findings tbody tr")];
  const none = document.querySelector(".nothing");
  const show = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const group = form.elements.group.value, section = form.elements.section.value;
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every((word) => text.includes(word)) && (!group || row.dataset.group === group) && (!section || row.dataset.section === section));
      left += !row.hidden;
    }
    none.hidden = left > 0;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
})();
