// Dropping and choosing is the file input's own work, which covers the whole area. What it cannot do is here: paste, and show the picture.
const kinds = /^image\//;

export function attach(drop, picture) {
  const input = drop.querySelector('input[type=file]');
  const unseen = drop.querySelector('.unseen');
  const listeners = new AbortController();
  const { signal } = listeners;
  let address = null;

  const show = () => {
    if (address) URL.revokeObjectURL(address);
    const file = input.files[0];
    address = file ? URL.createObjectURL(file) : null;
    drop.classList.toggle('filled', Boolean(file));
    unseen.hidden = true;
    picture.hidden = !file;
    picture.alt = file ? `The chosen picture, ${file.name}` : '';
    if (address) picture.src = address;
  };

  picture.addEventListener('error', () => { picture.hidden = true; unseen.hidden = false; }, { signal });
  input.addEventListener('change', show, { signal });
  // The same file may be taken twice in a row; the browser is silent about a choice that is no change.
  for (const kind of ['click', 'drop']) input.addEventListener(kind, () => { input.value = ''; }, { signal });

  for (const kind of ['dragenter', 'dragover']) input.addEventListener(kind, () => drop.classList.add('over'), { signal });
  for (const kind of ['dragleave', 'drop']) input.addEventListener(kind, () => drop.classList.remove('over'), { signal });
  // Missing the area must not make the browser leave the page for the picture.
  for (const kind of ['dragover', 'drop']) {
    document.addEventListener(kind, event => { if (event.target !== input) event.preventDefault(); }, { signal });
  }

  document.addEventListener('paste', event => {
    const file = [...(event.clipboardData?.files ?? [])].find(each => kinds.test(each.type));
    if (!file) return;
    event.preventDefault();
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }, { signal });

  return {
    dispose() {
      listeners.abort();
      if (address) URL.revokeObjectURL(address);
    },
  };
}
