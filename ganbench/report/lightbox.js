// Pictures: a click shows one large, arrow keys go to its neighbours, Escape closes.
"use strict";
(() => {
  const dialog = document.querySelector("dialog.lightbox");
  const image = dialog.querySelector("img");
  const caption = dialog.querySelector("p");
  let group = [];
  let at = 0;

  const show = (place) => {
    at = (place + group.length) % group.length;
    const shown = group[at].querySelector("img");
    image.src = shown.src;
    image.alt = shown.alt;
    caption.textContent = `${shown.alt} (${at + 1} of ${group.length})`;
  };

  for (const button of document.querySelectorAll("button.zoom")) {
    button.addEventListener("click", () => {
      group = [...button.closest("[data-group]").querySelectorAll("button.zoom")];
      show(group.indexOf(button));
      dialog.showModal();
    });
  }
  const step = { ArrowLeft: -1, ArrowRight: 1 };
  dialog.addEventListener("keydown", (event) => {
    if (event.key in step) show(at + step[event.key]);
  });
  dialog.querySelector("[data-step='-1']").addEventListener("click", () => show(at - 1));
  dialog.querySelector("[data-step='1']").addEventListener("click", () => show(at + 1));
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
})();
