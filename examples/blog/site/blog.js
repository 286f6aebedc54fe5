// The whole blog in the browser: which page the address names, what it asks the API, what it shows.
// Text from others is only ever put in as text (textContent), never as HTML.

const TITLE = "The Cumulet blog";
const content = document.querySelector("#content");
const clock = new Intl.DateTimeFormat("en", { dateStyle: "long" });
const exactClock = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });

// ---- The API --------------------------------------------------------------------------------------------------------

// `cumulet deploy` puts the stack's outputs beside this file.
const apiUrl = fetch("outputs.json", { cache: "no-store" }).then(async (answer) => (await answer.json()).ApiUrl);

async function api(path, sent) {
  const options = sent && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(sent),
  };
  const answer = await fetch((await apiUrl) + path, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message ?? `The API answered ${answer.status}.`);
  return body;
}

const postPath = (id) => `/posts/${encodeURIComponent(id)}`;

// ---- Pages ----------------------------------------------------------------------------------------------------------

async function listPage() {
  const page = fromTemplate("list-page");
  const more = page.querySelector(".more");
  const posts = page.querySelector(".posts");
  const add = async (query) => {
    const answer = await api(`/posts${query}`);
    posts.append(...answer.posts.map(listEntry));
    more.hidden = answer.before === null;
    more.onclick = () => busy(more, () => add(`?before=${encodeURIComponent(answer.before)}`));
  };
  await add("");
  page.querySelector(".empty").hidden = posts.children.length > 0;
  return { page, title: TITLE };
}

function listEntry(post) {
  const entry = fromTemplate("list-entry");
  const link = entry.querySelector("a");
  link.textContent = post.title;
  link.href = `#${postPath(post.id)}`;
  entry.querySelector(".summary").textContent = post.summary;
  byline(entry, post, clock);
  return entry;
}

async function postPage(id) {
  const [post, discussion] = await Promise.all([api(postPath(id)), api(`${postPath(id)}/comments`)]);
  const page = fromTemplate("post-page");
  page.querySelector("h1").textContent = post.title;
  byline(page, post, clock);
  page.querySelector(".prose").append(...prose(post.body));

  const comments = page.querySelector(".comments");
  const empty = page.querySelector(".empty");
  const more = page.querySelector(".more");
  const show = (answer) => {
    comments.append(...answer.comments.map(commentEntry));
    empty.hidden = comments.children.length > 0;
    more.hidden = answer.after === null;
    more.onclick = () =>
      busy(more, async () => show(await api(`${postPath(id)}/comments?after=${encodeURIComponent(answer.after)}`)));
  };
  show(discussion);

  onSubmit(page.querySelector("form"), async (fields, form) => {
    comments.append(commentEntry(await api(`${postPath(id)}/comments`, fields)));
    empty.hidden = true;
    form.elements.text.value = "";
  });
  return { page, title: `${post.title} – ${TITLE}` };
}

function commentEntry(comment) {
  const entry = fromTemplate("comment");
  byline(entry, comment, exactClock);
  entry.querySelector(".prose").append(...prose(comment.text));
  return entry;
}

async function writePage() {
  const page = fromTemplate("write-page");
  onSubmit(page.querySelector("form"), async (fields) => {
    const post = await api("/posts", fields);
    location.hash = postPath(post.id);
  });
  return { page, title: `Write a post – ${TITLE}` };
}

function problemPage(problem) {
  const page = fromTemplate("problem-page");
  page.querySelector(".message").textContent = problem.message;
  return { page, title: `This did not work – ${TITLE}` };
}

// ---- Pieces ---------------------------------------------------------------------------------------------------------

const fromTemplate = (id) => document.querySelector(`#${id}`).content.cloneNode(true);

function byline(where, { author, created }, format) {
  where.querySelector(".author").textContent = author;
  const time = where.querySelector("time");
  time.dateTime = created;
  time.textContent = format.format(new Date(created));
}

/** Sends a form's fields; the button rests meanwhile, and a problem is shown below it. */
function onSubmit(form, send) {
  const problem = form.querySelector(".problem");
  form.elements.author.value = localStorage.getItem("author") ?? "";
  form.onsubmit = (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    localStorage.setItem("author", fields.author);
    problem.hidden = true;
    busy(form.querySelector("button"), () => send(fields, form)).catch((error) => {
      problem.textContent = error.message;
      problem.hidden = false;
    });
  };
}

async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};

/** A little of Markdown: paragraphs, headings, quotations, lists, code. */
function prose(text) {
  const blocks = [];
  for (const [index, part] of text.replaceAll("\r\n", "\n").split(/^```.*\n?/m).entries()) {
    if (index % 2 === 1) blocks.push(element("pre", element("code", part.trimEnd())));
    else blocks.push(...part.split(/\n\s*\n/).map((block) => block.trim()).filter(Boolean).map(proseBlock));
  }
  return blocks;
}

function proseBlock(block) {
  const lines = block.split("\n");
  if (lines.length === 1 && block.startsWith("## ")) return element("h2", ...inline(block.slice(3)));
  if (lines.every((line) => line.startsWith(">"))) {
    return element("blockquote", ...inline(lines.map((line) => line.slice(1).trim()).join(" ")));
  }
  if (lines.every((line) => line.startsWith("- "))) {
    return element("ul", ...lines.map((line) => element("li", ...inline(line.slice(2)))));
  }
  return element("p", ...inline(block));
}

function inline(text) {
  const pieces = text.split(/(`[^`]+`|\*[^*\s](?:[^*]*[^*\s])?\*|https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/);
  return pieces.map((piece, index) => {
    if (index % 2 === 0) return piece;
    if (piece.startsWith("`")) return element("code", piece.slice(1, -1));
    if (piece.startsWith("*")) return element("em", piece.slice(1, -1));
    const link = element("a", piece);
    link.href = piece;
    link.rel = "nofollow ugc";
    return link;
  });
}

// ---- From the address to a page -------------------------------------------------------------------------------------

let latest = 0;

async function navigate() {
  const [, first = "", id = ""] = location.hash.split("/");
  if (location.hash === "#content" && latest > 0) return; // The skip link.
  const mine = ++latest;
  content.setAttribute("aria-busy", "true");
  let shown;
  try {
    if (first === "posts" && id) shown = await postPage(decodeURIComponent(id));
    else if (first === "write") shown = await writePage();
    else shown = await listPage();
  } catch (problem) {
    shown = problemPage(problem);
  }
  if (mine !== latest) return; // Another page has been asked for meanwhile.
  content.replaceChildren(shown.page);
  content.removeAttribute("aria-busy");
  document.title = shown.title;
  if (mine > 1) {
    scrollTo(0, 0);
    const heading = content.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus();
  }
}

addEventListener("hashchange", navigate);
navigate();
