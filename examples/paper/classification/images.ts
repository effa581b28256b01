/** The images of a run, which its settings decide. */
import { type Dataset, loadDataset } from '../../data/index.js';
import type { ClassificationSettings } from './settings.js';

export const imagesOf = ({ images }: Pick<ClassificationSettings, 'images'>): Promise<Dataset> =>
  loadDataset('fashion-mnist', images);
