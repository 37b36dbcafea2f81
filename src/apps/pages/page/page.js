/** The page's one script: what the mark nearest to the pointer says of itself, at once and also where a finger touches. */
const box = document.createElement("div");
box.id = "values";
box.hidden = true;
document.body.append(box);
const far = ({ left, right, top, bottom }, x, y) =>
  Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
for (const svg of document.querySelectorAll("figure svg")) {
  const marks = [...svg.querySelectorAll("title")].map((title) => {
    const entry = { mark: title.parentElement, text: title.textContent };
    title.remove(); // a browser would show it too, a second later
    return entry;
  });
  const show = ({ clientX: x, clientY: y }) => {
    let nearest = null, least = 14; // pixels around a mark that count as on it
    for (const entry of marks) {
      const distance = far(entry.mark.getBoundingClientRect(), x, y);
      if (distance < least) [nearest, least] = [entry, distance];
    }
    box.hidden = !nearest;
    if (!nearest) return;
    box.textContent = nearest.text;
    box.style.left =
      Math.max(4, Math.min(x + 12, document.documentElement.clientWidth - box.offsetWidth - 4)) + "px";
    box.style.top = Math.max(4, y - box.offsetHeight - 12) + "px";
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => {
    box.hidden = true;
  });
}
