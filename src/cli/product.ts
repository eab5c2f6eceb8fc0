export { PRODUCT } from '../base/product.ts';
