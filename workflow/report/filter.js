// Show the claims of one verdict; without JavaScript every claim is shown.
for (const box of document.querySelectorAll('input[name="verdict"]')) {
  box.addEventListener("change", () => {
    for (const row of document.querySelectorAll("tr[data-verdict]")) {
      row.hidden = box.value !== "all" && row.dataset.verdict !== box.value;
    }
    for (const part of document.querySelectorAll("section.part")) {
      part.hidden = !part.querySelector("tr[data-verdict]:not([hidden])");
    }
  });
}
for (const filter of document.querySelectorAll("fieldset.filter")) filter.hidden = false;
