// node pdfjs_boxes.mjs FOLDER_OF_PDFJS_DIST FILE.pdf: the text items of its pages with boxes in points, y downwards.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const { getDocument } = await import(pathToFileURL(join(folder, "legacy/build/pdf.mjs")));
const pdf = await getDocument({ data: new Uint8Array(readFileSync(file)), verbosity: 1 }).promise;
const pages = [];
for (let number = 1; number <= pdf.numPages; number++) {
  const page = await pdf.getPage(number);
  const { height } = page.getViewport({ scale: 1 });
  const { items, styles } = await page.getTextContent();
  pages.push(
    items.map(({ str, transform: [, , c, d, x, y], width, fontName }) => {
      const size = Math.hypot(c, d);
      const { ascent, descent } = styles[fontName];
      return [str, x, height - y - size * ascent, x + width, height - y - size * descent];
    }),
  );
}
console.log(JSON.stringify(pages));
