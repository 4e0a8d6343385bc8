// Tables: sort by a column, filter rows by words, show the columns of one dataset, show intervals.
"use strict";
(() => {
  const valueOf = (cell) => {
    const given = cell.dataset.value;
    if (given === undefined) return cell.textContent.trim().toLowerCase();
    return given === "" ? null : Number(given);
  };

  const words = new Intl.Collator("en", { numeric: true });

  // What has no number is last in either direction.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : words.compare(a, b));
  };

  const sort = (table, header) => {
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.querySelector("tbody:not(.pinned)");
    const rows = [...body.rows].map((row) => [valueOf(row.cells[header.cellIndex]), row]);
    rows.sort((a, b) => compare(a[0], b[0], sign));
    body.append(...rows.map(([, row]) => row));
  };

  const makeSortable = (table) => {
    for (const header of table.tHead.querySelectorAll("th")) {
      const button = document.createElement("button");
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, header));
    }
  };

  const labelled = (text, control) => {
    const label = document.createElement("label");
    label.append(text, control);
    return label;
  };

  const filter = (table, status) => {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "words";
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [...table.querySelectorAll("tbody:not(.pinned) tr")];
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !wanted.every((word) => text.includes(word));
      }
      status.textContent = wanted.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
    });
    return labelled("Filter rows ", input);
  };

  const columns = (table) => {
    const names = [...new Set([...table.tHead.querySelectorAll("th[data-dataset]")].map((th) => th.dataset.dataset))];
    if (names.length < 2) return null;
    const select = document.createElement("select");
    for (const name of ["all", ...names]) select.add(new Option(name, name));
    select.addEventListener("change", () => {
      const heads = [...table.tHead.rows[0].cells];
      for (const row of table.rows) {
        for (const cell of row.cells) {
          const of = heads[cell.cellIndex].dataset.dataset;
          cell.hidden = of !== undefined && select.value !== "all" && of !== select.value;
        }
      }
    });
    return labelled("Dataset ", select);
  };

  const intervals = (table) => {
    if (!table.querySelector(".more")) return null;
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => table.classList.toggle("intervals", box.checked));
    return labelled(box, " intervals");
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    makeSortable(table);
    const bar = document.createElement("div");
    const status = document.createElement("span");
    bar.className = "bar";
    status.setAttribute("role", "status");
    bar.append(filter(table, status), ...[columns(table), intervals(table)].filter(Boolean), status);
    table.closest(".scroll").before(bar);
  }
})();
