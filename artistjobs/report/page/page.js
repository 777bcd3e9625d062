(() => {
  "use strict";
  const box = document.getElementById("search");
  if (!box) return;
  const field = document.getElementById("wanted");
  const said = document.getElementById("found");
  const rows = [...document.querySelectorAll("#rows > li")];
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const texts = rows.map((row) => plain(row.textContent));

  const show = () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    const state = box.querySelector("input[name=state]:checked").value;
    let count = 0;
    rows.forEach((row, number) => {
      const fits = (state === "all" || row.dataset.state === state) && words.every((word) => texts[number].includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    said.textContent = `${count} of ${rows.length} shown`;
  };

  box.addEventListener("input", show);
  box.hidden = false;
  show();
})();
