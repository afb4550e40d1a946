// Signs in with a passkey, or makes one: form[data-passkey=get|create]. The form
// is shown only where the browser can; all the rest is the server's.
(() => {
  "use strict";
  const forms = document.querySelectorAll("form[data-passkey]");
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const form of forms) form.hidden = false;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const words = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const ids = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function ask(form) {
    const answer = await fetch(form.dataset.options, {
      method: "POST", credentials: "same-origin", redirect: "error", body: new URLSearchParams({ csrf: form.elements.csrf.value }),
    });
    if (answer.status === 403) { // who it is must be confirmed first, on a page of its own
      location.assign((await answer.json()).confirm);
      return new Promise(() => {});
    }
    if (!answer.ok) throw new Error(answer.status);
    const key = (await answer.json()).publicKey;
    key.challenge = bytes(key.challenge);
    return key;
  }

  async function get(form) {
    const key = await ask(form);
    key.allowCredentials = ids(key.allowCredentials);
    const made = await navigator.credentials.get({ publicKey: key });
    const r = made.response;
    return {
      id: made.id, rawId: words(made.rawId), type: made.type, clientExtensionResults: {},
      response: {
        clientDataJSON: words(r.clientDataJSON), authenticatorData: words(r.authenticatorData), signature: words(r.signature),
        userHandle: r.userHandle ? words(r.userHandle) : undefined,
      },
    };
  }

  async function create(form) {
    const key = await ask(form);
    key.user.id = bytes(key.user.id);
    key.excludeCredentials = ids(key.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: key });
    const r = made.response;
    return {
      id: made.id, rawId: words(made.rawId), type: made.type, clientExtensionResults: {},
      response: { clientDataJSON: words(r.clientDataJSON), attestationObject: words(r.attestationObject), transports: r.getTransports ? r.getTransports() : [] },
    };
  }

  // Before the other scripts hear of it: they would shut the button for good.
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-passkey]");
    if (!form) return;
    event.preventDefault();
    event.stopPropagation();
    const button = form.querySelector("button"), failed = form.querySelector("[data-passkey-error]");
    failed.hidden = true;
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      form.elements.credential.value = JSON.stringify(await (form.dataset.passkey === "create" ? create(form) : get(form)));
      form.submit();
    } catch {
      failed.hidden = false;
      button.removeAttribute("aria-busy");
      button.disabled = false;
      button.focus();
    }
  }, true);
})();
