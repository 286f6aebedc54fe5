// The page: asks for the figures each second, and shows them. Texts are only ever put in as text.

const EVERY = 1000;
const state = document.querySelector("#state");
const table = document.querySelector("table");

// `cumulet deploy` puts the stack's outputs beside this file.
const { ApiUrl } = await (await fetch("outputs.json", { cache: "no-store" })).json();

function row(minute, page) {
  const views = Number(page.views);
  const cells = [minute, page.page, views, Number(page.errors), `${Math.round(Number(page.millis) / views)} ms`];
  const line = document.createElement("tr");
  for (const text of cells) line.insertCell().textContent = text;
  return line;
}

async function show() {
  try {
    const answer = await fetch(`${ApiUrl}/figures`);
    if (!answer.ok) throw new Error(`The API answered ${answer.status}.`);
    const figures = await answer.json();
    const rows = figures.flatMap(({ minute, pages }) => pages.map((page) => row(minute.slice(11), page)));
    table.tBodies[0].replaceChildren(...rows);
    table.hidden = rows.length === 0;
    state.textContent = rows.length === 0 ? "No clicks in the last ten minutes. Start ./generate." : "Live.";
  } catch (error) {
    state.textContent = error.message;
  }
  setTimeout(show, EVERY);
}

await show();
