/** Gives the user a file that was made here. */
export function saveFile(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the name by then; the content it keeps as long as it needs it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
